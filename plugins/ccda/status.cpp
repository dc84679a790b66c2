// status.cpp - functional and mental status: what a person can do, feel and think. Groups of observations as
// in results; scales by which they were assessed are told apart.
#include "plugins/ccda/panel.h"

namespace direct::ccda {
namespace {

constexpr Qualifier scale = {"assessments", {"2.16.840.1.113883.10.20.22.4.69"}};
constexpr Qualifier qualifiers[] = {
    {"statusOfProblem", {"2.16.840.1.113883.10.20.1.44", "2.16.840.1.113883.10.20.22.4.6"}},
};

// An assessment scale: its score is the value, the answers it was made from are related to it.
void status_fields(Cda& cda, const Statement& s, Taken& taken)
{
    parts_field(cda, scale.name, "assessment_scale", s, taken,
                [](pugi::xml_node, pugi::xml_node n) { return scale.is(n); });
    qualifier_fields(cda, s.node, qualifiers, taken);
}

}  // namespace

void extract_functional_status(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "functional_status",
                    .part = "observation",
                    .bare_is_part = true,
                    .unwrap = false,
                    .of_item = nullptr,
                    .of_part = status_fields});
}

void extract_mental_status(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "mental_status",
                    .part = "observation",
                    .bare_is_part = true,
                    .unwrap = false,
                    .of_item = nullptr,
                    .of_part = status_fields});
}

}  // namespace direct::ccda
