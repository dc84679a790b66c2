// concern.cpp - see concern.h.
#include "plugins/ccda/concern.h"

#include <algorithm>
#include <iterator>

#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {

namespace {

bool is_item(pugi::xml_node statement)
{
    return is_element(statement, "observation") && !is_qualifier(statement);
}

}  // namespace

bool is_qualifier(pugi::xml_node observation)
{
    constexpr std::string_view roots[] = {
        "2.16.840.1.113883.10.20.22.4.8",    // severity
        "2.16.840.1.113883.10.20.22.4.145",  // criticality
        "2.16.840.1.113883.10.20.22.4.28",   // allergy status
        "2.16.840.1.113883.10.20.22.4.6",    // problem status
        "2.16.840.1.113883.10.20.22.4.5",    // health status
        "2.16.840.1.113883.10.20.22.4.31",   // age
        "2.16.840.1.113883.10.20.22.4.143",  // priority
        "2.16.840.1.113883.10.20.1.39",      // CCD 1.0 alert status
        "2.16.840.1.113883.10.20.1.41",      // CCD 1.0 episode
        "2.16.840.1.113883.10.20.1.50",      // CCD 1.0 problem status
        "2.16.840.1.113883.10.20.1.55",      // CCD 1.0 severity
    };
    for (pugi::xml_node t : observation.children("templateId"))
        if (std::find(std::begin(roots), std::end(roots), t.attribute("root").value()) != std::end(roots))
            return true;
    return false;
}

void concern_field(Cda& cda, const Concern& concern, pugi::xml_node item)
{
    if (!concern.act) return;
    auto& w = cda.json;
    w.open_field("concern", '{');
    relation_field(cda, item.parent());
    if (concern.first)
        statement_members(cda, concern.act.node, concern.items);
    else
        short_members(cda, concern.act.node);
    w.close('}');
}

void for_each_concern(Cda& cda, const Section& section, TakeConcern take, TakeEntry other)
{
    for_each_entry(cda, section, [&](const Statement& statement) {
        Concern concern;
        if (is_element(statement.node, "observation")) {
            take(cda, section, statement, concern);
            return;
        }
        for_each_related_node(statement.node, "entryRelationship",
                              [&](pugi::xml_node, pugi::xml_node n, Place) {
                                  if (is_item(n)) concern.items.add(n);
                              });
        if (concern.items.empty()) {
            other(cda, section, statement);
            return;
        }
        concern.act = statement;
        for_each_related(statement, "entryRelationship", [&](pugi::xml_node, const Statement& inner) {
            if (cda.stopped() || !is_item(inner.node)) return;
            take(cda, section, inner, concern);
            concern.first = false;
        });
    });
}

}  // namespace direct::ccda
