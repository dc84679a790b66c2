// more.h - elements no table has a name for, told as they stand, so that nothing disappears.
#pragma once

#include "plugins/ccda/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// One element: {element, attributes, text or children}. What stands deeper than Cda::too_deep() allows is told as text,
/// and the item says "cut". What it has encoded is told by its size.
void more_element(Cda& cda, pugi::xml_node element);

inline bool is_words(pugi::xml_node n)
{
    return n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata;
}
/// The element's own words, not those of its children, white space made single.
std::string own_words(pugi::xml_node node);
/// An attribute of the element, or of one below, says what its words do not: a code, a value, a null flavour.
bool says_by_attributes(pugi::xml_node element);

/// It has a null flavour, words of its own, or an element that is neither taken nor ignored by the table of statements: something
/// that the taken do not tell.
bool says_beside(pugi::xml_node element, const Taken& taken);

/// What an element has that its type has no place for: member `words`, its own words, and array `more`, the children
/// for which told(child) is false, as they stand. told() is asked once per child, in order. Nothing when there is none.
template <class Told>
void surplus_fields(Cda& cda, pugi::xml_node node, std::string_view words, std::string_view more, Told told)
{
    bool spoken = false, open = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        if (is_words(n)) spoken = true;
        if (n.type() != pugi::node_element || told(n) || (!open && cda.too_deep())) continue;
        if (!open) cda.json.open_field(more, '[');
        open = true;
        more_element(cda, n);
    }
    if (open) cda.json.close(']');
    if (spoken && !words.empty()) cda.json.field(words, own_words(node));
}

/// The same of a data type that is an object: "text" and "more".
template <class Told>
void surplus_members(Cda& cda, pugi::xml_node node, Told told)
{
    if (node.first_child()) surplus_fields(cda, node, "text", "more", told);
}
inline void surplus_members(Cda& cda, pugi::xml_node node)
{
    surplus_members(cda, node, [](pugi::xml_node) { return false; });
}

}  // namespace direct::ccda
