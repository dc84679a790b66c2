// payers.cpp - who pays: a coverage act, and in "sub" its policies in the order they are tried.
#include "plugins/ccda/panel.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

bool has_role(pugi::xml_node performer, const char* code)
{
    const pugi::xml_node entity = performer.child("assignedEntity");
    return std::string_view(entity.child("code").attribute("code").value()) == code;
}

void take_object(Cda& cda, const char* name, pugi::xml_node node, Taken& taken)
{
    object_field(cda, name, node);
    taken.add(node);
}

// Payer and guarantor are performers; a performer of neither role pays when there is no other.
void performers(Cda& cda, pugi::xml_node policy, Taken& taken)
{
    pugi::xml_node payer, guarantor, unnamed;
    for (pugi::xml_node p : policy.children("performer")) {
        const bool guarantees = has_template(p, "2.16.840.1.113883.10.20.22.4.88") || has_role(p, "GUAR");
        const bool pays = has_template(p, "2.16.840.1.113883.10.20.22.4.87") || has_role(p, "PAYOR");
        pugi::xml_node& place = guarantees ? guarantor : pays ? payer : unnamed;
        if (!place) place = p;
    }
    take_object(cda, "payer", payer ? payer : unnamed, taken);
    take_object(cda, "guarantor", guarantor, taken);
}

pugi::xml_node participant_of_type(pugi::xml_node policy, const char* type)
{
    for (pugi::xml_node p : policy.children("participant"))
        if (has_type(p, type)) return p;
    return {};
}

// The number a member or group is known by, without the authority that gave it.
void number_of(Cda& cda, const char* name, pugi::xml_node owner)
{
    const pugi::xml_node id = owner.child("id");
    const std::string_view extension = id.attribute("extension").value();
    cda.json.field(name, extension.empty() ? id.attribute("root").value() : extension);
}

void policy(Cda& cda, const Statement& s, Taken& taken)
{
    performers(cda, s.node, taken);
    number_of(cda, "group", s.node);
    const pugi::xml_node covered = participant_of_type(s.node, "COV"),
                         holder = participant_of_type(s.node, "HLD");
    const pugi::xml_node role = covered.child("participantRole");
    number_of(cda, "memberId", role);
    code_field(cda, "relationship", role.child("code"));
    time_field(cda, "period", covered.child("time"));
    taken.add(role.child("code"));
    taken.add(covered.child("time"));
    if (covered) {
        cda.json.open_field("member", '{');
        members(cda, covered, taken);
        cda.json.close('}');
        taken.add(covered);
    }
    take_object(cda, "holder", holder, taken);
}

bool is_policy(pugi::xml_node statement)
{
    return is_element(statement, "act");
}

void coverage(Cda& cda, const Section& section, const Statement& s)
{
    Item item(cda, section, section.name(), "payer", s);
    bool open = false;
    for_each_related(s, "entryRelationship", [&](pugi::xml_node holder, const Statement& inner) {
        if (!is_policy(inner.node)) return;
        if (!open) cda.json.open_field("sub", '[');
        open = true;
        part(cda, "policy", holder, inner, [&](Taken& taken) { policy(cda, inner, taken); });
        item.take(inner.node);
    });
    if (open) cda.json.close(']');
    if (says_nothing(s.node)) item.mark_null();
    item.emit();
}

}  // namespace

void extract_payers(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) { coverage(cda, section, s); });
}

}  // namespace direct::ccda
