// odd_attributes.h - attributes that no type, statement or role of ours has: told as they stand, wherever in the document they
// were found.
#pragma once
#include <pugixml.hpp>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// Member "oddAttributes" of the document object: {element, offset, name, value} of each, in document order; "offset" is where
/// the element stands. Those inside of what is written for readers do not count. What is more than a sixteenth of the object's
/// room is counted as skipped. Nothing when there is none. One walk over the tree.
void odd_attributes_field(Cda& cda, pugi::xml_node document);

}  // namespace direct::ccda
