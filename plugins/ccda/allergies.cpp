// allergies.cpp - allergies and intolerances: concern act, its observations, their reactions.
#include <algorithm>

#include "plugins/ccda/concern.h"
#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes)
{
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string_view code_of(pugi::xml_node node)
{
    return node.attribute("code").value();
}

pugi::xml_node allergen_of(pugi::xml_node observation)
{
    for (pugi::xml_node p : observation.children("participant"))
        if (has_type(p, "CSM")) return p.child("participantRole").child("playingEntity");
    return {};
}

// Nothing in particular, or the whole class: "no allergy to drugs", not "no allergy to this drug".
bool is_anything(pugi::xml_node entity)
{
    const pugi::xml_node code = entity.child("code");
    if (is_null_code(code)) return !says_something(entity.child("name"));
    return is_one_of(code_of(code), {"105590001", "410942007", "373873005", "762766007", "255620007"});
}

// "No known allergies" is a value of its own, or the denial of a kind of allergy (SNOMED CT).
bool says_no_known(pugi::xml_node observation)
{
    const auto value = code_of(observation.child("value"));
    if (is_one_of(value, {"716186003", "160244002"}))
        return !is_negated(observation) && !is_unclear(observation);
    return is_negated(observation) && is_anything(allergen_of(observation)) &&
           is_one_of(value, {"419199007", "416098002", "414285001", "420134006", "418038007", "426232007",
                             "418471000"});
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
        taken.add(s.node);
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
    concern_field(cda, concern, s.node);
    const bool no_allergen =
        !entity || (is_null_code(entity.child("code")) && !says_something(entity.child("name")));
    if (is_null_code(s.node.child("value")) && no_allergen) item.mark_null();
    item.emit();
}

}  // namespace

void extract_allergies(Cda& cda, const Section& section)
{
    for_each_concern(cda, section, allergy);
}

}  // namespace direct::ccda
