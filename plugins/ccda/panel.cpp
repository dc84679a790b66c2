// panel.cpp - see panel.h.
#include "plugins/ccda/panel.h"

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

class Panel {
public:
    Panel(Cda& cda, const Section& section, const Statement& s, const PanelKind& kind)
        : cda_(cda), kind_(kind), item_(cda, section, section.name(), kind.item, s)
    {
    }

    void organizer(const Statement& s)
    {
        if (kind_.of_item) kind_.of_item(cda_, s, item_.taken());
        parts(s, "component");
        end(s);
    }
    // It is told whole in "sub"; the group around it has what one looks groups up by.
    void bare_part(const Statement& s)
    {
        part_of({}, s);
        for (pugi::xml_node n = s.node.first_child(); n; n = n.next_sibling()) {
            const auto as = element_field(n).row->as;
            if (as != As::templates && as != As::ids && !is_element(n, "code") &&
                !is_element(n, "statusCode") && !is_element(n, "effectiveTime"))
                item_.take(n);
        }
        end(s);
    }
    void bare(const Statement& s)
    {
        if (kind_.of_part) kind_.of_part(cda_, s, item_.taken());
        end(s);
    }

private:
    void end(const Statement& s)
    {
        if (open_) cda_.json.close(']');
        if (says_nothing(s.node)) item_.mark_null();
        item_.emit();
    }
    // Parts of an organizer and of organizers inside it. Depth is bounded by the view.
    void parts(const Statement& of, const char* relation)
    {
        for_each_related(of, relation, [&](pugi::xml_node holder, const Statement& s) {
            if (is_element(s.node, "organizer")) return parts(s, "component");
            if (kind_.unwrap && is_wrapper(s.node)) return parts(s, "entryRelationship");
            item_.take(s.node);
            part_of(holder, s);
        });
    }
    static bool is_wrapper(pugi::xml_node s)
    {
        if (!is_element(s, "observation") || has_value(s)) return false;
        return bool(find_related(s, "entryRelationship", has_value));
    }
    void part_of(pugi::xml_node holder, const Statement& s)
    {
        if (!open_) cda_.json.open_field("sub", '[');
        open_ = true;
        const bool observation = is_element(s.node, "observation");
        part(cda_, observation ? kind_.part : s.node.name(), holder, s, [&](Taken& taken) {
            if (kind_.of_part) kind_.of_part(cda_, s, taken);
            if (observation && (is_null_code(s.node.child("code")) || !has_value(s.node)))
                cda_.json.flag_field("null", true);
        });
    }

    Cda& cda_;
    const PanelKind& kind_;
    Item item_;
    bool open_ = false;
};

}  // namespace

bool has_value(pugi::xml_node observation)
{
    for (pugi::xml_node v : observation.children("value"))
        if (says_something(v)) return true;
    return false;
}

bool says_nothing(pugi::xml_node statement)
{
    const pugi::xml_node code = statement.child("code");
    if (code && is_null_code(code)) return true;
    return statement.child("value") && !has_value(statement);
}

void extract_panels(Cda& cda, const Section& section, const PanelKind& kind)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        Panel panel(cda, section, s, kind);
        if (is_element(s.node, "organizer"))
            panel.organizer(s);
        else if (kind.bare_is_part && is_element(s.node, "observation"))
            panel.bare_part(s);
        else
            panel.bare(s);
    });
}

}  // namespace direct::ccda
