// results.cpp - laboratory and other results: a panel (organizer) and its parts in "sub", each with its
// kind. A bare observation is a panel of one, so that readers find every value in the same place.
#include "plugins/ccda/relations.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

bool has_value(pugi::xml_node observation)
{
    for (pugi::xml_node v : observation.children("value"))
        if (*v.attribute("value").value() || !is_null_code(v) || v.first_child()) return true;
    return false;
}

void observation(Cda& cda, pugi::xml_node holder, const Statement& s)
{
    part(cda, "result", holder, s, [&](Taken&) {
        if (is_null_code(s.node.child("code")) || !has_value(s.node)) cda.json.flag_field("null", true);
    });
}

// Parts of an organizer and of organizers inside it; what else stands in a panel (specimen collection,
// comments) is a part by its element's name. Depth is bounded by the view.
void parts(Cda& cda, const Statement& organizer, Taken& taken)
{
    for_each_related(organizer, "component", [&](pugi::xml_node holder, const Statement& s) {
        if (is_element(s.node, "organizer")) return parts(cda, s, taken);
        taken.add(holder);
        if (is_element(s.node, "observation"))
            observation(cda, holder, s);
        else
            part(cda, s.node.name(), holder, s, [](Taken&) {});
    });
}

// A bare observation is told whole in "sub"; the panel around it has what one looks panels up by.
void take_all_but_name(pugi::xml_node observation, Taken& taken)
{
    for (pugi::xml_node n = observation.first_child(); n; n = n.next_sibling()) {
        const auto as = element_field(n.name()).row->as;
        if (as != As::templates && as != As::ids && !is_element(n, "code") && !is_element(n, "statusCode") &&
            !is_element(n, "effectiveTime"))
            taken.add(n);
    }
}

void panel(Cda& cda, const Section& section, const Statement& s)
{
    Item item(cda, section, section.name(), "panel", s);
    cda.json.open_field("sub", '[');
    if (is_element(s.node, "organizer")) {
        parts(cda, s, item.taken());
    } else {
        observation(cda, {}, s);
        take_all_but_name(s.node, item.taken());
    }
    cda.json.close(']');
    item.emit();
}

}  // namespace

void extract_results(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        if (is_element(s.node, "organizer") || is_element(s.node, "observation"))
            panel(cda, section, s);
        else
            extract_entry(cda, section, s);
    });
}

}  // namespace direct::ccda
