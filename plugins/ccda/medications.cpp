// medications.cpp - medication activities: product, schedule, dose, what was supplied and why.
#include "plugins/ccda/entry_parts.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

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
    return is_element(s, "observation") &&
           (indication.is(s) || (has_type(holder, "RSON") && !refusal_reason.is(s)));
}

// Words of the free-text instruction; the statement that holds them stays in "related".
void sig_field(Cda& cda, pugi::xml_node of)
{
    const auto is = [](pugi::xml_node s) { return free_text_sig.is(s); };
    text_field(cda, "sig", find_related(of, "entryRelationship", is).child("text"));
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

bool is_administration(pugi::xml_node s)
{
    return is_element(s, "substanceAdministration");
}

struct Wrapper {
    Statement act;      ///< none for a bare administration
    bool first = true;  ///< the item in work is the first under it
};

// The act around administrations, without them: whole with the first, in short with the others, which it may
// deny too. "relation" is what holds this one.
void wrapper_field(Cda& cda, const Wrapper& around, pugi::xml_node item)
{
    const pugi::xml_node act = around.act.node;
    if (!act) return;
    cda.json.open_field("act", '{');
    relation_field(cda, item.parent());
    if (around.first) {
        Taken inside;
        for_each_related_node(act, "entryRelationship", [&](pugi::xml_node, pugi::xml_node n, Place) {
            if (is_administration(n)) inside.add(n);
        });
        statement_members(cda, act, inside);
    } else {
        short_members(cda, act);
    }
    cda.json.close('}');
}

void medication(Cda& cda, const Section& section, const Wrapper& around, const Statement& s)
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
    wrapper_field(cda, around, s.node);
    if (is_planned(s.node)) cda.json.flag_field("planned", true);
    if (!is_negated(s.node) && says_nothing(cda, s.node)) item.mark_null();
    item.emit();
}

// Every administration an act wraps is an item; the first one tells all of the act.
bool wrapped(Cda& cda, const Section& section, const Statement& act)
{
    Wrapper around{act};
    for_each_related(act, "entryRelationship", [&](pugi::xml_node, const Statement& s) {
        if (cda.stopped() || !is_administration(s.node)) return;
        medication(cda, section, around, s);
        around.first = false;
    });
    return !around.first;
}

}  // namespace

void extract_medications(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        if (is_administration(s.node) || is_element(s.node, "supply"))
            medication(cda, section, {}, s);
        else if (!is_element(s.node, "act") || !wrapped(cda, section, s))
            extract_entry(cda, section, s);
    });
}

}  // namespace direct::ccda
