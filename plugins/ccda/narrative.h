// narrative.h - the readable text of a document: markup is left behind, white space normalised, what
// "#id" points to is found. Everything that comes out is text to be escaped by whoever shows it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/xml_view.h"

namespace direct::ccda {

class Narrative {
public:
    explicit Narrative(const XmlView& xml) : xml_(xml) {}

    /// Bytes of an element's own words: a note may be an entry's text. What is longer is cut and counted.
    static constexpr std::size_t line_max = 256u << 10;
    /// Bytes of one resolved reference: what stands in the narrative is as much of a note as an entry's own words.
    static constexpr std::size_t reference_max = line_max;
    /// The same where there is little room: in a large item, and when half of document_max is spent, so that a
    /// long text that everything points to leaves something for the others.
    static constexpr std::size_t reference_short = 16u << 10;
    static constexpr std::uint64_t document_max = 4u << 20;  ///< bytes of all resolved references
    /// Nodes and bytes of blank looked at for all resolved references: what says nothing costs time too. Many
    /// times what any document's references have; a large document is walked a few times at most.
    static constexpr std::uint64_t walked_max = 8u << 20;

    /// Text of a block: rows, paragraphs and list items on lines of their own, cells separated by " | ".
    /// Cut at `max` bytes on a character boundary; `cut` tells.
    std::string block(pugi::xml_node node, std::size_t max, bool& cut) const;
    /// Text on one line, at most line_max bytes.
    std::string line(pugi::xml_node node) const;
    /// How many lines were cut, so that somebody is told.
    std::size_t lines_cut() const { return lines_cut_; }
    /// How many references were followed in part or not at all for want of room, though they lead somewhere.
    std::size_t references_cut() const { return references_cut_; }

    struct Resolved {
        std::string text;
        bool cut = false;  ///< it is the beginning only, or nothing of what is there
    };
    /// What `reference` ("#id", or a bare id) points to, at most `max` bytes. Each resolution counts against
    /// document_max and walked_max, so that a thousand references to one long text cost no more than the document.
    Resolved resolve(std::string_view reference, std::size_t max = reference_max);

    struct Words {
        std::string text;
        std::string reference;  ///< the one the text is not, or not wholly, from
        bool cut = false;       ///< there is more of the text than this
    };
    /// Text of an ED (text, originalText): its own words, else what its reference points to.
    Words text_of(pugi::xml_node ed, std::size_t max = reference_max);
    /// What the reference of an ED points to, whatever its own words are.
    Words referred(pugi::xml_node ed, std::size_t max = reference_max);

private:
    std::string line(pugi::xml_node node, std::size_t max, std::uint64_t& walked, bool& cut) const;

    const XmlView& xml_;
    std::uint64_t spent_ = 0, walked_ = 0;
    std::size_t references_cut_ = 0;
    mutable std::size_t lines_cut_ = 0;
};

}  // namespace direct::ccda
