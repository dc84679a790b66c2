// allergies.cpp - allergies and intolerances: concern act, its observations, their reactions.
#include "plugins/ccda/concern.h"
#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// Codes by which "no known allergies" is said; the kind of allergy is the observation's value then.
bool is_allergy_in_general(std::string_view code)
{
    for (std::string_view c :
         {"419199007", "416098002", "414285001", "420134006", "418038007", "426232007", "418471000"})
        if (code == c) return true;
    return false;
}

bool says_no_known(pugi::xml_node observation)
{
    const std::string_view value = observation.child("value").attribute("code").value();
    if (value == "716186003" || value == "160244002") return true;
    return is_negated(observation) && is_allergy_in_general(value);
}

pugi::xml_node allergen_of(pugi::xml_node observation)
{
    for (pugi::xml_node p : observation.children("participant"))
        if (has_type(p, "CSM")) return p.child("participantRole").child("playingEntity");
    return {};
}

constexpr Qualifier qualifiers[] = {
    {"clinicalStatus", {"2.16.840.1.113883.10.20.22.4.28", "2.16.840.1.113883.10.20.1.39"}},
    {"criticality", {"2.16.840.1.113883.10.20.22.4.145"}},
    {"severity", {"2.16.840.1.113883.10.20.22.4.8", "2.16.840.1.113883.10.20.1.55"}},
};
constexpr Qualifier of_reaction[] = {qualifiers[2]};

bool is_reaction(pugi::xml_node holder, pugi::xml_node statement)
{
    return is_element(statement, "observation") &&
           (has_type(holder, "MFST") || has_template(statement, "2.16.840.1.113883.10.20.22.4.9") ||
            has_template(statement, "2.16.840.1.113883.10.20.1.54"));
}

// What happens to the patient: each reaction with how bad it was, and what else is said of it.
void reactions(Cda& cda, const Statement& of, Taken& taken)
{
    bool open = false;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node holder, const Statement& s) {
        if (!is_reaction(holder, s.node)) return;
        if (!open) cda.json.open_field("sub", '[');
        open = true;
        part(cda, "reaction", holder, s,
             [&](Taken& inner) { qualifier_fields(cda, s.node, of_reaction, inner); });
        taken.add(holder);
    });
    if (open) cda.json.close(']');
}

void allergy(Cda& cda, const Section& section, const Statement& s, const Concern& concern)
{
    Item item(cda, section, section.name(), "allergy", s);
    const pugi::xml_node entity = allergen_of(s.node);
    code_field(cda, "allergen", entity.child("code"));
    words_field(cda, "allergenName", entity.child("name"));
    item.take(entity.child("code"));
    item.take(entity.child("name"));
    qualifier_fields(cda, s.node, qualifiers, item.taken());
    reactions(cda, s, item.taken());
    if (says_no_known(s.node)) cda.json.flag_field("noKnownAllergies", true);
    concern_field(cda, concern);
    const bool no_allergen = !entity || (is_null_code(entity.child("code")) && !entity.child("name"));
    if (is_null_code(s.node.child("value")) && no_allergen) item.mark_null();
    item.emit();
}

}  // namespace

void extract_allergies(Cda& cda, const Section& section)
{
    for_each_concern(cda, section, allergy);
}

}  // namespace direct::ccda
