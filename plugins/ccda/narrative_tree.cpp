// narrative_tree.cpp - see narrative_tree.h.
#include "plugins/ccda/narrative_tree.h"

#include <array>
#include <cstring>
#include <iterator>

#include "plugins/xml_text.h"

namespace direct::ccda {
namespace {

// What to do with an element of that name.
enum class Meaning : unsigned char { known, apart, unknown, hidden };

struct Entry {
    std::string_view name;
    Meaning meaning;
    Markup markup;
};
// The allow-list. `apart`: no narrative element, yet what is in it stands apart in documents that use it.
constexpr Entry entries[] = {
    {"td", Meaning::known, Markup::cell},
    {"tr", Meaning::known, Markup::row},
    {"th", Meaning::known, Markup::head_cell},
    {"content", Meaning::known, Markup::content},
    {"br", Meaning::known, Markup::line_break},
    {"item", Meaning::known, Markup::item},
    {"list", Meaning::known, Markup::unordered},
    {"paragraph", Meaning::known, Markup::paragraph},
    {"table", Meaning::known, Markup::table},
    {"thead", Meaning::known, Markup::head},
    {"tbody", Meaning::known, Markup::body},
    {"tfoot", Meaning::known, Markup::foot},
    {"caption", Meaning::known, Markup::caption},
    {"sub", Meaning::known, Markup::sub},
    {"sup", Meaning::known, Markup::sup},
    {"col", Meaning::known, Markup::column},
    {"colgroup", Meaning::known, Markup::column},
    {"linkHtml", Meaning::known, Markup::link},
    {"footnote", Meaning::known, Markup::footnote},
    {"footnoteRef", Meaning::known, Markup::footnote_ref},
    {"renderMultiMedia", Meaning::known, Markup::media},
    {"p", Meaning::apart, Markup::block},
    {"div", Meaning::apart, Markup::block},
    {"li", Meaning::apart, Markup::block},
    {"script", Meaning::hidden, Markup::block},
    {"style", Meaning::hidden, Markup::block},
    {"iframe", Meaning::hidden, Markup::block},
};
constexpr Entry unknown{"", Meaning::unknown, Markup::block};

const Entry& entry_of(pugi::xml_node element)
{
    static constexpr auto by_id = [] {
        std::array<std::uint8_t, xml_name_count> out{};
        for (std::size_t i = 0; i < std::size(entries); ++i)
            out[xml_name_id(entries[i].name)] = static_cast<std::uint8_t>(i + 1);
        return out;
    }();
    static_assert(by_id[0] == 0);
    const std::size_t at = by_id[local_name_id(element)];
    return at ? entries[at - 1] : unknown;
}

bool is_cell(Markup m)
{
    return m == Markup::cell || m == Markup::head_cell;
}

bool is_group(Markup m)
{
    return m == Markup::head || m == Markup::body || m == Markup::foot;
}

bool is_list(Markup m)
{
    return m == Markup::unordered || m == Markup::ordered;
}

bool starts_a_line(Markup m)
{
    switch (m) {
        case Markup::words:
        case Markup::content:
        case Markup::line_break:
        case Markup::sub:
        case Markup::sup:
        case Markup::link:
        case Markup::media:
        case Markup::footnote:
        case Markup::footnote_ref:
            return false;
        default:
            return true;
    }
}

// The same element where it may stand, a block where it may not.
Markup in_place(Markup m, Markup parent)
{
    const bool in_table = parent == Markup::table || is_group(parent);
    if (is_cell(m)) return in_table || parent == Markup::row ? m : Markup::block;
    if (m == Markup::row) return in_table ? m : Markup::block;
    if (is_group(m)) return parent == Markup::table ? m : Markup::block;
    if (m == Markup::item) return is_list(parent) ? m : Markup::block;
    if (m == Markup::caption)
        return parent == Markup::table ? m : is_list(parent) ? Markup::caption_item : Markup::caption_block;
    return m;
}

// How many of the missing levels stand between: a row and a cell of a table, a cell of a row, an item of a list.
int missing(Markup parent, Markup child)
{
    if (parent == Markup::table || is_group(parent)) {
        if (child == Markup::row) return 0;
        if (parent == Markup::table &&
            (is_group(child) || child == Markup::caption || child == Markup::column))
            return 0;
        return is_cell(child) ? 1 : 2;
    }
    if (parent == Markup::row) return is_cell(child) ? 0 : 1;
    if (is_list(parent)) return child == Markup::item || child == Markup::caption_item ? 0 : 1;
    return 0;
}

Markup missing_level(Markup parent, int number)
{
    if (is_list(parent)) return Markup::item;
    return parent == Markup::row || number == 1 ? Markup::cell : Markup::row;
}

std::uint16_t span(pugi::xml_node n, XmlName name)
{
    unsigned out = 0;
    const char* s = n.attribute(name).value();
    for (; *s >= '0' && *s <= '9' && out <= NarrativeTree::span_max; ++s)
        out = out * 10 + static_cast<unsigned>(*s - '0');
    return *s || out > NarrativeTree::span_max ? 0 : static_cast<std::uint16_t>(out);
}

// "Bold", "Bold Italics" and "BoldItalics" are all in use.
unsigned char styles_of(pugi::xml_node n)
{
    unsigned char out = 0;
    const std::string_view codes = std::string_view(n.attribute("styleCode").value()).substr(0, 200);
    if (!codes.empty()) {
        if (codes.find("Bold") != codes.npos) out |= style_bold;
        if (codes.find("Italic") != codes.npos) out |= style_italics;
        if (codes.find("Underline") != codes.npos) out |= style_underline;
        if (codes.find("Emphasis") != codes.npos) out |= style_emphasis;
    }
    const char* revised = n.attribute("revised").value();
    if (std::strcmp(revised, "delete") == 0) out |= style_deleted;
    if (std::strcmp(revised, "insert") == 0) out |= style_inserted;
    return out;
}

std::string_view bounded(const char* value, std::size_t max)
{
    const std::string_view s = value;
    return s.size() > max ? std::string_view() : s;
}

}  // namespace

NarrativeTree::NarrativeTree(const XmlView& xml, pugi::xml_node text) : xml_(xml)
{
    open(Markup::block);
    nodes_.back().id = anchor(text);
    Place place{Markup::block};
    children(text, place, 1);
    finish(place);
    close();
}

// Calls itself no deeper than the view allows.
void NarrativeTree::children(pugi::xml_node of, Place& place, int depth)
{
    for (pugi::xml_node n = of.first_child(); n; n = n.next_sibling()) {
        if (n.type() == pugi::node_element) {
            element(n, place, depth);
        } else if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) {
            const std::string_view words = n.words();
            // White space between rows is no cell.
            if (missing(place.parent, Markup::words) && words.find_first_not_of(" \t\r\n") == words.npos)
                continue;
            settle(place, Markup::words);
            add(Markup::words).text = words;
        }
    }
}

void NarrativeTree::element(pugi::xml_node n, Place& place, int depth)
{
    const Entry& e = entry_of(n);
    if (e.meaning == Meaning::hidden) {
        dropped_ = true;
        return;
    }
    const bool no_column = e.markup == Markup::column && (place.parent != Markup::table || n.child("col"));
    if (e.meaning == Meaning::unknown || no_column || depth > depth_max) return children(n, place, depth);
    Markup markup = in_place(e.markup, place.parent);
    if (markup == Markup::unordered && std::strcmp(n.attribute("listType").value(), "ordered") == 0)
        markup = Markup::ordered;
    settle(place, markup);
    open(markup);
    NarrativeNode& node = nodes_.back();
    node.id = anchor(n);
    node.blank_before = !starts_a_line(markup) && xml_.blank_before(n);
    if (is_cell(markup)) {
        node.columns = span(n, "colspan");
        node.rows = span(n, "rowspan");
    } else if (markup == Markup::column) {
        node.columns = span(n, "span");
    } else if (markup == Markup::link) {
        node.text = bounded(n.attribute("href").value(), href_max);
    } else if (markup == Markup::media) {
        node.text = bounded(n.attribute("referencedObject").value(), id_max);
    } else if (markup == Markup::footnote_ref) {
        node.text = bounded(n.attribute("IDREF").value(), id_max);
    }
    node.styles = styles_of(n);
    Place inside{markup};
    if (markup == Markup::column || markup == Markup::line_break) {
        close();
        return children(n, place, depth);  // what has no inside leaves its words behind it
    }
    children(n, inside, depth + 1);
    finish(inside);
    close();
}

// Opens and closes what must stand between the place and the child that comes.
void NarrativeTree::settle(Place& place, Markup child)
{
    const int wanted = missing(place.parent, child);
    while (place.implied > wanted) {
        close();
        --place.implied;
    }
    while (place.implied < wanted) open(missing_level(place.parent, place.implied++));
}

void NarrativeTree::finish(Place& place)
{
    for (; place.implied; --place.implied) close();
}

NarrativeNode& NarrativeTree::add(Markup markup)
{
    nodes_.emplace_back();
    nodes_.back().markup = markup;
    nodes_.back().end = static_cast<std::uint32_t>(nodes_.size());
    return nodes_.back();
}

void NarrativeTree::open(Markup markup)
{
    add(markup);
    open_.push_back(static_cast<std::uint32_t>(nodes_.size() - 1));
}

void NarrativeTree::close()
{
    NarrativeNode& node = nodes_[open_.back()];
    node.end = static_cast<std::uint32_t>(nodes_.size());
    open_.pop_back();
    if (!open_.empty() && (node.has_block || starts_a_line(node.markup)))
        nodes_[open_.back()].has_block = true;
}

// Of several elements with one ID only the first is found by references, so only it is an anchor.
std::string_view NarrativeTree::anchor(pugi::xml_node n) const
{
    const std::string_view id = bounded(n.attribute("ID").value(), id_max);
    return !id.empty() && xml_.by_id(id) == n ? id : std::string_view();
}

}  // namespace direct::ccda
