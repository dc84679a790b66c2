// panel.h - sections whose items are groups: an organizer (or what stands for one) and its parts in "sub".
#pragma once
#include "plugins/ccda/relations.h"

namespace direct::ccda {

/// Writes the fields that make a statement special and takes what they came from.
using Special = void (*)(Cda& cda, const Statement& s, Taken& taken);

struct PanelKind {
    const char* item;           ///< kind of the item
    const char* part;           ///< kind of the observations in "sub"; other parts are named by element
    bool bare_is_part = false;  ///< a bare observation is a group of one, so that every value has its place
    bool unwrap = false;        ///< an observation without value that holds others stands for those
    Special of_item = nullptr;  ///< fields of the organizer
    Special of_part = nullptr;  ///< fields of each part, and of an item that is no organizer
};

/// Each entry of the section as an item with its parts. Counts: clinical documents, section 7.
void extract_panels(Cda& cda, const Section& section, const PanelKind& kind);

/// An item whose code says nothing, or whose every value does: kept and marked.
bool says_nothing(pugi::xml_node statement);
/// There is a value and it says something.
bool has_value(pugi::xml_node observation);

}  // namespace direct::ccda
