// narrative_html.h - the narrative as HTML that is safe to show: made from our own tree by our own escaper, so that no byte
// of the document's markup comes through. Well-formed as XML too. Pure; one thread; nothing throws but bad_alloc.
//
// What a page may rely on: elements div p ul ol li table caption col thead tbody tfoot tr th td span sub sup a br; attributes
// class, id, colspan, rowspan, span, and href to "#n-..." only. Nothing is fetched, run or styled by it. Classes: narrative
// (the whole), caption, bold, italics, underline, emphasis, inserted, deleted, link, href, media, footnote, footnote-ref, cut.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "plugins/ccda/narrative_tree.h"

namespace direct::ccda {

struct NarrativeHtml {
    std::string html;  ///< one div, or "" when there are no words
    bool cut = false;  ///< `max` was reached: the rest is missing and the last element has class "cut"
};

/// @param max  bytes of words and markup; closing what is open and the mark of a cut may add cut_extra.
NarrativeHtml narrative_html(const NarrativeTree& tree, std::size_t max);

inline constexpr std::size_t cut_extra = 4096;

/// "n-" and the ID with everything but letters, digits, '-', '.' and '_' written as '~' and two hexadecimal digits: two IDs
/// never become one. This is what an `id` in the HTML says, and where "#ID" in an item leads.
std::string narrative_anchor(std::string_view id);

}  // namespace direct::ccda
