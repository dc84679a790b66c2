// allergies.cpp - allergies and intolerances: concern act, its observations, their reactions.
#include <cstring>

#include "plugins/ccda/concern.h"
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
    return std::strcmp(observation.attribute("negationInd").value(), "true") == 0 &&
           is_allergy_in_general(value);
}

pugi::xml_node allergen_of(pugi::xml_node observation)
{
    for (pugi::xml_node p : observation.children("participant"))
        if (std::strcmp(p.attribute("typeCode").value(), "CSM") == 0)
            return p.child("participantRole").child("playingEntity");
    return {};
}

// Value of the first qualifier with one of the templates.
void qualifier_field(Cda& cda, const char* name, const Statement& of,
                     std::initializer_list<std::string_view> roots)
{
    bool done = false;
    for_each_related(of, "entryRelationship", [&](pugi::xml_node, const Statement& s) {
        for (auto root : roots)
            if (!done && has_template(s.node, root)) {
                value_field(cda, name, s.node.child("value"));
                done = true;
            }
    });
}

bool is_reaction(pugi::xml_node holder, const Statement& s)
{
    return std::strcmp(s.node.name(), "observation") == 0 &&
           (std::strcmp(holder.attribute("typeCode").value(), "MFST") == 0 ||
            has_template(s.node, "2.16.840.1.113883.10.20.22.4.9") ||
            has_template(s.node, "2.16.840.1.113883.10.20.1.54"));
}

void severity_field(Cda& cda, const Statement& of)
{
    qualifier_field(cda, "severity", of, {"2.16.840.1.113883.10.20.22.4.8", "2.16.840.1.113883.10.20.1.55"});
}

void reaction(Cda& cda, const Statement& s)
{
    auto& w = cda.json;
    w.open('{');
    ids_field(cda, "ids", s.node, "id");
    code_field(cda, "code", s.node.child("code"));
    value_field(cda, "value", s.node.child("value"));
    text_field(cda, "text", s.node.child("text"));
    w.field("status", s.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", s.node.child("effectiveTime"));
    severity_field(cda, s);
    w.close('}');
}

void allergy(Cda& cda, const Section& section, const Statement& s, const Statement& concern)
{
    auto& w = cda.json;
    Item item(cda, section, "allergies", "allergy", s);
    const pugi::xml_node value = s.node.child("value"), entity = allergen_of(s.node);
    value_field(cda, "value", value);
    code_field(cda, "allergen", entity.child("code"));
    if (pugi::xml_node name = entity.child("name")) w.field("allergenName", cda.narrative.line(name));
    qualifier_field(cda, "clinicalStatus", s,
                    {"2.16.840.1.113883.10.20.22.4.28", "2.16.840.1.113883.10.20.1.39"});
    qualifier_field(cda, "criticality", s, {"2.16.840.1.113883.10.20.22.4.145"});
    severity_field(cda, s);
    bool open = false;
    for_each_related(s, "entryRelationship", [&](pugi::xml_node holder, const Statement& r) {
        if (!is_reaction(holder, r)) return;
        if (!open) w.open_field("sub", '[');
        open = true;
        reaction(cda, r);
    });
    if (open) w.close(']');
    if (says_no_known(s.node)) w.flag_field("noKnownAllergies", true);
    concern_field(cda, concern);
    const bool no_allergen = !entity || (is_null_code(entity.child("code")) && !entity.child("name"));
    if (is_null_code(value) && no_allergen) item.mark_null();
    item.emit();
}

}  // namespace

void extract_allergies(Cda& cda, const Section& section)
{
    for_each_concern(cda, section, allergy);
}

}  // namespace direct::ccda
