// kinds.cpp - what kind of thing an entry is, and the item of one that needs no more than that: plans, goals,
// procedures and all the sections without a shape of their own. See entry_parts.h.
#include "plugins/ccda/entry_parts.h"

namespace direct::ccda {
namespace {

struct Kind {
    std::string_view root;  // of the entry template
    const char* kind;
    const char* planned = nullptr;  // the same not yet done
};
constexpr Kind kinds[] = {
    {"2.16.840.1.113883.10.20.22.4.39", "planned_act"},
    {"2.16.840.1.113883.10.20.22.4.40", "planned_encounter"},
    {"2.16.840.1.113883.10.20.22.4.41", "planned_procedure"},
    {"2.16.840.1.113883.10.20.22.4.42", "planned_medication"},
    {"2.16.840.1.113883.10.20.22.4.43", "planned_supply"},
    {"2.16.840.1.113883.10.20.22.4.44", "planned_observation"},
    {"2.16.840.1.113883.10.20.22.4.120", "planned_immunization"},
    {"2.16.840.1.113883.10.20.22.4.121", "goal"},
    {"2.16.840.1.113883.10.20.22.4.20", "instruction"},
    {"2.16.840.1.113883.10.20.1.49", "instruction"},
    {"2.16.840.1.113883.10.20.22.4.141", "handoff"},
    {"2.16.840.1.113883.10.20.22.4.130", "nutrition_recommendation"},
    {"2.16.840.1.113883.10.20.22.4.124", "nutritional_status"},
    {"2.16.840.1.113883.10.20.22.4.138", "nutrition_assessment"},
    {"2.16.840.1.113883.10.20.22.4.131", "intervention"},
    {"2.16.840.1.113883.10.20.22.4.146", "planned_intervention"},
    {"2.16.840.1.113883.10.20.22.4.144", "outcome"},
    {"2.16.840.1.113883.10.20.22.4.140", "referral"},
    {"2.16.840.1.113883.10.20.22.4.202", "note"},
    {"2.16.840.1.113883.10.20.22.4.136", "risk_concern"},
    {"2.16.840.1.113883.10.20.22.4.132", "health_concern"},
    {"2.16.840.1.113883.10.20.22.4.16", "medication", "planned_medication"},
    {"2.16.840.1.113883.10.20.22.4.52", "immunization", "planned_immunization"},
    {"2.16.840.1.113883.10.20.22.4.49", "encounter", "planned_encounter"},
    {"2.16.840.1.113883.10.20.22.4.19", "indication"},
    {"2.16.840.1.113883.10.20.22.4.4", "problem"},
};

const Kind* by_template(pugi::xml_node statement)
{
    for (pugi::xml_node t : statement.children("templateId"))
        for (const auto& k : kinds)
            if (k.root == t.attribute("root").value()) return &k;
    return nullptr;
}

struct ByElement {
    const char *element, *done, *planned;
};
constexpr ByElement elements[] = {
    {"procedure", "procedure", "planned_procedure"},
    {"observation", "observation", "planned_observation"},
    {"act", "act", "planned_act"},
    {"encounter", "encounter", "planned_encounter"},
    {"substanceAdministration", "medication", "planned_medication"},
    {"supply", "supply", "planned_supply"},
};

const char* by_element(pugi::xml_node statement)
{
    if (std::string_view(statement.attribute("moodCode").value()) == "GOL") return "goal";
    for (const auto& e : elements)
        if (is_element(statement, e.element)) return is_planned(statement) ? e.planned : e.done;
    return "entry";
}

}  // namespace

const char* kind_of_statement(pugi::xml_node statement)
{
    const Kind* kind = by_template(statement);
    if (!kind) return by_element(statement);
    return kind->planned && is_planned(statement) ? kind->planned : kind->kind;
}

void tell_statement(Cda& cda, const Section& section, const char* kind, const Statement& s)
{
    Item item(cda, section, section.name(), kind, s);
    devices_field(cda, s.node, item.taken());
    locations_field(cda, s.node, item.taken());
    priority_field(cda, s.node, item.taken());
    reasons_and_references(cda, s, item.taken());
    if (is_planned(s.node)) cda.json.flag_field("planned", true);
    if (!is_negated(s.node) && says_nothing(cda, s.node)) item.mark_null();
    item.emit();
}

}  // namespace direct::ccda
