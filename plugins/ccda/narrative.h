// narrative.h - the readable text of a document: markup is left behind, white space normalised, what
// "#id" points to is found. Everything that comes out is text to be escaped by whoever shows it.
#pragma once
#include <cstdint>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "plugins/xml_view.h"

namespace direct::ccda {

class Narrative {
public:
    explicit Narrative(const XmlView& xml) : xml_(xml) {}

    /// Bytes of an element's own words: a note may be an entry's text. What is longer is cut and counted.
    static constexpr std::size_t line_max = 256u << 10;
    /// Bytes of one resolved reference; the narrative has it whole.
    static constexpr std::size_t reference_max = 16u << 10;
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

    struct Resolved {
        std::string text;
        bool found = false;
    };
    /// What `reference` ("#id", or a bare id) points to. Each resolution counts against document_max and
    /// walked_max, so that a thousand references to one long text cost no more than the document.
    Resolved resolve(std::string_view reference);
    /// Text of an ED (text, originalText): its own words, else what its reference points to. `reference`
    /// is set to the reference that leads nowhere.
    std::string text_of(pugi::xml_node ed, std::string& reference);

private:
    std::string line(pugi::xml_node node, std::size_t max, std::uint64_t& walked) const;

    const XmlView& xml_;
    std::uint64_t spent_ = 0, walked_ = 0;
    mutable std::size_t lines_cut_ = 0;
};

}  // namespace direct::ccda
