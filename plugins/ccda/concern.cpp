// concern.cpp - see concern.h.
#include "plugins/ccda/concern.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "plugins/ccda/values.h"

namespace direct::ccda {

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

void concern_field(Cda& cda, const Statement& concern)
{
    if (!concern) return;
    auto& w = cda.json;
    w.open_field("concern", '{');
    ids_field(cda, "ids", concern.node, "id");
    w.field("status", concern.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", concern.node.child("effectiveTime"));
    roles_field(cda, "author", concern.node, "author");
    w.close('}');
}

void for_each_concern(Cda& cda, const Section& section, TakeConcern take)
{
    for_each_entry(cda, section, [&](const Statement& statement) {
        if (std::strcmp(statement.node.name(), "observation") == 0) {
            take(cda, section, statement, Statement{});
            return;
        }
        bool any = false;
        for_each_related(statement, "entryRelationship", [&](pugi::xml_node, const Statement& inner) {
            if (cda.stopped() || std::strcmp(inner.node.name(), "observation") != 0 ||
                is_qualifier(inner.node))
                return;
            any = true;
            take(cda, section, inner, statement);
        });
        if (!any) extract_entry(cda, section, statement);
    });
}

}  // namespace direct::ccda
