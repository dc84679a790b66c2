// advance_directives.cpp - what a person wants done or not done: observations, grouped or bare, with who
// speaks for the person, who verified it, and the document it stands in ("references").
#include "plugins/ccda/panel.h"

namespace direct::ccda {
namespace {

constexpr Qualifier qualifiers[] = {
    {"directiveStatus", {"2.16.840.1.113883.10.20.1.37"}},
};

// An array of the participants of one type, whole; nothing when there is none.
void participants_field(Cda& cda, const char* name, pugi::xml_node statement, const char* type, Taken& taken)
{
    bool open = false;
    for (pugi::xml_node p : statement.children("participant")) {
        if (!has_type(p, type)) continue;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.open('{');
        members(cda, p);
        cda.json.close('}');
        taken.add(p);
    }
    if (open) cda.json.close(']');
}

void directive(Cda& cda, const Statement& s, Taken& taken)
{
    qualifier_fields(cda, s.node, qualifiers, taken);
    participants_field(cda, "verifiers", s.node, "VRF", taken);
    participants_field(cda, "agents", s.node, "CST", taken);
}

}  // namespace

void extract_advance_directives(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "advance_directive",
                    .part = "advance_directive",
                    .bare_is_part = false,
                    .unwrap = false,
                    .of_item = nullptr,
                    .of_part = directive});
}

}  // namespace direct::ccda
