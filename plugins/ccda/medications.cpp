// medications.cpp - medication activities: product, schedule, dose, what was supplied and why.
#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

pugi::xml_node product_of(pugi::xml_node statement)
{
    const pugi::xml_node consumable = statement.child("consumable");
    return (consumable ? consumable : statement.child("product")).child("manufacturedProduct");
}

pugi::xml_node material_of(pugi::xml_node statement)
{
    const pugi::xml_node product = product_of(statement), material = product.child("manufacturedMaterial");
    return material ? material : product.child("manufacturedLabeledDrug");
}

// Every effectiveTime: when it is taken (IVL, TS) and how often (PIVL, EIVL). The first is the item's
// effectiveTime too.
void schedule_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    auto& w = cda.json;
    bool first = true;
    for (pugi::xml_node t : statement.children("effectiveTime")) {
        if (first) w.open_field("schedule", '[');
        w.open('{');
        w.field("operator", t.attribute("operator").value());
        time_field(cda, "time", t);
        w.close('}');
        if (!first) taken.add(t);
        first = false;
    }
    if (!first) w.close(']');
}

constexpr Qualifier qualifiers[] = {
    {"medicationStatus", {"2.16.840.1.113883.10.20.1.47"}},
};
constexpr Qualifier free_text_sig = {"sig", {"2.16.840.1.113883.10.20.22.4.147"}};
constexpr Qualifier instruction = {"instructions",
                                   {"2.16.840.1.113883.10.20.22.4.20", "2.16.840.1.113883.10.20.1.49"}};
constexpr Qualifier dispense = {"dispenses", {"2.16.840.1.113883.10.20.22.4.18"}};
constexpr Qualifier indication = {"indications", {"2.16.840.1.113883.10.20.22.4.19"}};

bool is_supply(pugi::xml_node, pugi::xml_node s)
{
    return is_element(s, "supply");
}

bool is_indication(pugi::xml_node holder, pugi::xml_node s)
{
    return is_element(s, "observation") && (has_type(holder, "RSON") || indication.is(s));
}

// Words of the free-text instruction; the statement that holds them stays in "related".
void sig_field(Cda& cda, pugi::xml_node of)
{
    for (pugi::xml_node holder : of.children("entryRelationship")) {
        const pugi::xml_node s = statement_in(holder);
        if (free_text_sig.is(s)) return text_field(cda, "sig", s.child("text"));
    }
}

// What it is dissolved in or inhaled with.
void vehicle_field(Cda& cda, pugi::xml_node statement, Taken& taken)
{
    for (pugi::xml_node p : statement.children("participant")) {
        const pugi::xml_node role = p.child("participantRole");
        if (std::string_view(role.attribute("classCode").value()) != "MANU" &&
            !has_template(role, "2.16.840.1.113883.10.20.22.4.24"))
            continue;
        const pugi::xml_node code = role.child("playingEntity").child("code");
        if (!code) continue;
        code_field(cda, "vehicle", code);
        taken.add(code);
        return;
    }
}

bool is_planned(pugi::xml_node statement)
{
    const std::string_view mood = statement.attribute("moodCode").value();
    for (const char* m : {"INT", "RQO", "PRMS", "PRP", "APT", "ARQ", "GOL"})
        if (mood == m) return true;
    return false;
}

bool is_null_product(Cda& cda, pugi::xml_node statement)
{
    const pugi::xml_node material = material_of(statement);
    return is_null_code(material.child("code")) && cda.narrative.line(material.child("name")).empty();
}

// The act around an administration, without it.
void wrapper_field(Cda& cda, const Statement& act, pugi::xml_node administration)
{
    if (act.node == administration) return;
    Taken inside;
    inside.add(administration.parent());
    cda.json.open_field("act", '{');
    statement_members(cda, act.node, inside);
    cda.json.close('}');
}

void medication(Cda& cda, const Section& section, const Statement& act, const Statement& s)
{
    Item item(cda, section, section.name(), "medication", s);
    schedule_field(cda, s.node, item.taken());
    sig_field(cda, s.node);
    qualifier_fields(cda, s.node, qualifiers, item.taken());
    vehicle_field(cda, s.node, item.taken());
    parts_field(cda, "indications", "indication", s, item.taken(), is_indication);
    parts_field(cda, "dispenses", "dispense", s, item.taken(),
                [](pugi::xml_node, pugi::xml_node n) { return is_element(n, "supply") && dispense.is(n); });
    parts_field(cda, "supplies", "supply", s, item.taken(),
                [](pugi::xml_node h, pugi::xml_node n) { return is_supply(h, n) && !dispense.is(n); });
    parts_field(cda, "instructions", "instruction", s, item.taken(),
                [](pugi::xml_node, pugi::xml_node n) { return instruction.is(n); });
    wrapper_field(cda, act, s.node);
    if (is_planned(s.node)) cda.json.flag_field("planned", true);
    if (!is_negated(s.node) && is_null_product(cda, s.node)) item.mark_null();
    item.emit();
}

// The administration itself, or the one an act wraps.
Statement administration_of(const Statement& s)
{
    if (!is_element(s.node, "act")) return s;
    Statement found;
    for_each_related(s, "entryRelationship", [&](pugi::xml_node, const Statement& inner) {
        if (!found && is_element(inner.node, "substanceAdministration")) found = inner;
    });
    return found ? found : s;
}

}  // namespace

void extract_medications(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& statement) {
        const Statement s = administration_of(statement);
        if (s.node.child("consumable") || s.node.child("product") ||
            is_element(s.node, "substanceAdministration") || is_element(s.node, "supply"))
            medication(cda, section, statement, s);
        else
            extract_entry(cda, section, s);
    });
}

}  // namespace direct::ccda
