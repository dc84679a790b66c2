// narrative_tree.h - a section's narrative block as a tree of our own: only what the allow-list knows, in places where it
// may stand. Names and attributes of the document end here; what goes on is a kind from the list, small numbers, and words
// borrowed from the view. Pure; one thread; nothing throws but bad_alloc.
// Source: CDA R2 narrative block (StrucDoc.Text); clinical documents section 6.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "plugins/xml_view.h"

namespace direct::ccda {

/// What a node of the narrative is. Anything the document uses beside these is left away and its words are kept.
enum class Markup : unsigned char {
    words,
    paragraph,
    unordered,
    ordered,
    item,
    table,
    head,
    body,
    foot,
    row,
    head_cell,
    cell,
    column,
    caption,        ///< of a table
    caption_item,   ///< of a list
    caption_block,  ///< of anything else
    content,
    line_break,
    sub,
    sup,
    link,
    media,
    footnote,
    footnote_ref,
    block,  ///< a row without table, an item without list: kept apart from its neighbours, no more
};

/// Bits of NarrativeNode::styles.
enum Style : unsigned char {
    style_bold = 1,
    style_italics = 2,
    style_underline = 4,
    style_emphasis = 8,
    style_inserted = 16,
    style_deleted = 32,
};

struct NarrativeNode {
    Markup markup = Markup::words;
    unsigned char styles = 0;
    bool has_block = false;     ///< something below starts a line of its own
    bool blank_before = false;  ///< white space stood before the element
    std::uint16_t columns = 0;  ///< colspan, or span of a column; 0 = not said
    std::uint16_t rows = 0;     ///< rowspan; 0 = not said
    std::uint32_t end = 0;      ///< number of the node behind the last one inside
    std::string_view text;      ///< words; link: href; media and footnote_ref: the id named
    std::string_view id;        ///< the ID when references lead to it here; "" = none
};

class NarrativeTree {
public:
    /// The block below `text`, in document order. Borrows from `xml`.
    NarrativeTree(const XmlView& xml, pugi::xml_node text);

    const std::vector<NarrativeNode>& nodes() const { return nodes_; }
    /// Something that a browser would run or fetch was left out with all that is in it.
    bool dropped() const { return dropped_; }

    /// Levels of markup that are kept; deeper ones are left away, their words stay. Real documents have 12.
    static constexpr int depth_max = 40;
    /// Columns or rows one cell may span (HTML takes no more columns either); other numbers are left away.
    static constexpr unsigned span_max = 1000;
    /// Bytes of an ID, of a link's address, of a media id; a longer one is left away.
    static constexpr std::size_t id_max = 128, href_max = 2000;

private:
    // Where the next node goes: below `parent`, and below the rows, cells or items that were missing there.
    struct Place {
        Markup parent;
        int implied = 0;
    };
    void children(pugi::xml_node of, Place& place, int depth);
    void element(pugi::xml_node n, Place& place, int depth);
    void settle(Place& place, Markup child);
    void finish(Place& place);
    void open(Markup markup);
    void close();
    NarrativeNode& add(Markup markup);
    std::string_view anchor(pugi::xml_node n) const;

    const XmlView& xml_;
    std::vector<NarrativeNode> nodes_;
    std::vector<std::uint32_t> open_;
    bool dropped_ = false;
};

}  // namespace direct::ccda
