// encounters.cpp - encounters: where, by whom, why; the diagnoses made there are in "sub".
#include "plugins/ccda/concern.h"
#include "plugins/ccda/entry_parts.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

// The act that holds diagnoses: C-CDA's own, or what IHE and CCD 1.0 mark by its code.
bool holds_diagnoses(pugi::xml_node act)
{
    return is_element(act, "act") &&
           (has_template(act, "2.16.840.1.113883.10.20.22.4.80") ||
            std::string_view(act.child("code").attribute("code").value()) == "29308-4");
}

bool is_diagnosis(pugi::xml_node statement)
{
    return is_element(statement, "observation") && !is_qualifier(statement);
}

void diagnoses_of(Cda& cda, pugi::xml_node holder, const Statement& act, bool& open)
{
    bool any = false;
    for_each_related(act, "entryRelationship", [&](pugi::xml_node inner_holder, const Statement& s) {
        if (!is_diagnosis(s.node)) return;
        if (!open) cda.json.open_field("sub", '[');
        open = true;
        part(cda, "diagnosis", inner_holder, s, [&](Taken&) {
            cda.json.open_field("act", '{');
            relation_members(cda, holder);
            // The act around them is told whole with the first.
            if (any) {
                short_members(cda, act.node);
            } else {
                Taken inside;
                for_each_related_node(act.node, "entryRelationship",
                                      [&](pugi::xml_node, pugi::xml_node o, Place) {
                                          if (is_diagnosis(o)) inside.add(o);
                                      });
                statement_members(cda, act.node, inside);
            }
            any = true;
            cda.json.close('}');
        });
    });
}

void diagnoses_field(Cda& cda, const Statement& encounter, Taken& taken)
{
    bool open = false;
    for_each_related(encounter, "entryRelationship", [&](pugi::xml_node holder, const Statement& act) {
        if (!holds_diagnoses(act.node) || !find_related(act.node, "entryRelationship", is_diagnosis)) return;
        diagnoses_of(cda, holder, act, open);
        taken.add(act.node);
    });
    if (open) cda.json.close(']');
}

}  // namespace

void extract_encounters(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        Item item(cda, section, section.name(), is_element(s.node, "encounter") ? "encounter" : "entry", s);
        locations_field(cda, s.node, item.taken());
        diagnoses_field(cda, s, item.taken());
        reasons_and_references(cda, s, item.taken());
        if (is_planned(s.node)) cda.json.flag_field("planned", true);
        if (says_nothing(cda, s.node)) item.mark_null();
        item.emit();
    });
}

}  // namespace direct::ccda
