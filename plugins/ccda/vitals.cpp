// vitals.cpp - vital signs: panels as in results. What was measured keeps its unit as written; beside it
// stands the UCUM unit where we know which one is meant.
#include "plugins/ccda/panel.h"

namespace direct::ccda {
namespace {

struct Unit {
    std::string_view written, ucum;
};
// Units that vital signs are measured in, and what senders write for them.
constexpr Unit units[] = {
    {"cm", "cm"},
    {"m", "m"},
    {"in", "[in_i]"},
    {"[in_i]", "[in_i]"},
    {"[in_us]", "[in_us]"},
    {"inch", "[in_i]"},
    {"inches", "[in_i]"},
    {"ft", "[ft_i]"},
    {"[ft_i]", "[ft_i]"},
    {"kg", "kg"},
    {"g", "g"},
    {"lb", "[lb_av]"},
    {"lbs", "[lb_av]"},
    {"[lb_av]", "[lb_av]"},
    {"oz", "[oz_av]"},
    {"[oz_av]", "[oz_av]"},
    {"mm[Hg]", "mm[Hg]"},
    {"mmHg", "mm[Hg]"},
    {"mm Hg", "mm[Hg]"},
    {"mm[hg]", "mm[Hg]"},
    {"/min", "/min"},
    {"{beats}/min", "/min"},
    {"bpm", "/min"},
    {"{breaths}/min", "/min"},
    {"Cel", "Cel"},
    {"C", "Cel"},
    {"degC", "Cel"},
    {"[degF]", "[degF]"},
    {"degF", "[degF]"},
    {"F", "[degF]"},
    {"%", "%"},
    {"kg/m2", "kg/m2"},
    {"m2", "m2"},
    {"L/min", "L/min"},
};

void unit_field(Cda& cda, const Statement& s, Taken&)
{
    const std::string_view written = s.node.child("value").attribute("unit").value();
    for (const auto& u : units)
        if (u.written == written) return cda.json.field("ucumUnit", u.ucum);
}

}  // namespace

void extract_vitals(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "panel",
                    .part = "vital",
                    .bare_is_part = true,
                    .unwrap = true,
                    .of_item = nullptr,
                    .of_part = unit_field});
}

}  // namespace direct::ccda
