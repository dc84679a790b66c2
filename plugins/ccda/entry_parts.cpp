// entry_parts.cpp - see entry_parts.h.
#include "plugins/ccda/entry_parts.h"

#include <algorithm>
#include <iterator>

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr Qualifier indication = {"indications", {"2.16.840.1.113883.10.20.22.4.19"}};
constexpr Qualifier reaction = {"reactions",
                                {"2.16.840.1.113883.10.20.22.4.9", "2.16.840.1.113883.10.20.1.54"}};
constexpr Qualifier instruction = {"instructions",
                                   {"2.16.840.1.113883.10.20.22.4.20", "2.16.840.1.113883.10.20.1.49"}};
constexpr Qualifier entry_reference = {"refersTo", {"2.16.840.1.113883.10.20.22.4.122"}};
constexpr Qualifier priority[] = {{"priority", {"2.16.840.1.113883.10.20.22.4.143"}}};

bool is_device(pugi::xml_node participant)
{
    const pugi::xml_node role = participant.child("participantRole");
    return role && (has_type(participant, "DEV") || role.child("playingDevice") ||
                    has_template(role, "2.16.840.1.113883.10.20.22.4.37"));
}

bool is_location(pugi::xml_node participant)
{
    const pugi::xml_node role = participant.child("participantRole");
    return role && (has_type(participant, "LOC") || has_template(role, "2.16.840.1.113883.10.20.22.4.32") ||
                    std::string_view(role.attribute("classCode").value()) == "SDLOC");
}

template <class Is>
void participants_field(Cda& cda, const char* name, pugi::xml_node statement, Taken& taken, Is is)
{
    bool open = false;
    for (pugi::xml_node p : statement.children("participant")) {
        if (!is(p)) continue;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.open('{');
        members(cda, p);
        cda.json.close('}');
        taken.add(p);
    }
    if (open) cda.json.close(']');
}

}  // namespace

void devices_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    participants_field(cda, "devices", statement, taken, is_device);
}

void locations_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    participants_field(cda, "locations", statement, taken, is_location);
}

void reasons_and_references(Cda& cda, const Statement& s, Taken& taken)
{
    if (!s.node.child("entryRelationship")) return;
    parts_field(cda, "indications", "indication", s, taken, [](pugi::xml_node holder, pugi::xml_node n) {
        return is_element(n, "observation") &&
               (indication.is(n) ||
                (has_type(holder, "RSON") && !n.child("component") && !refusal_reason.is(n)));
    });
    parts_field(cda, "reactions", "reaction", s, taken,
                [](pugi::xml_node, pugi::xml_node n) { return reaction.is(n); });
    parts_field(cda, "instructions", "instruction", s, taken,
                [](pugi::xml_node, pugi::xml_node n) { return instruction.is(n); });
    parts_field(cda, "refersTo", "reference", s, taken,
                [](pugi::xml_node, pugi::xml_node n) { return entry_reference.is(n); });
}

void priority_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    qualifier_fields(cda, statement, priority, taken);
}

bool is_planned(pugi::xml_node statement)
{
    const std::string_view mood = statement.attribute("moodCode").value();
    constexpr std::string_view planned[] = {"INT", "RQO", "PRMS", "PRP", "APT", "ARQ", "GOL"};
    return std::find(std::begin(planned), std::end(planned), mood) != std::end(planned);
}

bool says_nothing(Cda&, pugi::xml_node statement)
{
    if (is_element(statement, "organizer")) return false;
    pugi::xml_node product = statement.child("consumable");
    if (!product) product = statement.child("product");
    if (!product)
        return !says_something(statement.child("code")) && !says_something(statement.child("value")) &&
               !says_something(statement.child("text"));
    product = product.child("manufacturedProduct");
    pugi::xml_node material = product.child("manufacturedMaterial");
    if (!material) material = product.child("manufacturedLabeledDrug");
    return !says_something(material.child("code")) && !says_something(material.child("name"));
}

}  // namespace direct::ccda
