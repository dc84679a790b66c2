// care_team.cpp - a team (organizer) and in "sub" who belongs to it, and what else is said of the team.
#include "plugins/ccda/panel.h"

namespace direct::ccda {
namespace {

// Who leads it, when that is said.
void team(Cda& cda, const Statement& s, Taken& taken)
{
    for (pugi::xml_node p : s.node.children("participant")) {
        if (!has_type(p, "PPRF")) continue;
        object_field(cda, "lead", p);
        taken.add(p);
        return;
    }
}

// A member is an act that somebody performs: who, in which function, and since when.
void member(Cda& cda, const Statement& s, Taken& taken)
{
    const pugi::xml_node performer = s.node.child("performer");
    if (!is_element(s.node, "act")) return;
    object_field(cda, "member", performer);
    taken.add(performer);
}

}  // namespace

void extract_care_team(Cda& cda, const Section& section)
{
    extract_panels(cda, section,
                   {.item = "care_team",
                    .part = "observation",
                    .bare_is_part = false,
                    .unwrap = false,
                    .of_item = team,
                    .of_part = member});
}

}  // namespace direct::ccda
