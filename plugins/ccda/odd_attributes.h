// odd_attributes.h - attributes that nobody knows, and those that the element they stand at has no use for (a unit of an
// observation): told as they stand, wherever in the document they were found.
#pragma once
#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// Member "oddAttributes" of the document object: {element, offset, name, value} of each, in document order; "offset" is where
/// the element stands. Those inside of what is written for readers do not count. What is more than a sixteenth of the object's
/// room is counted as skipped. Nothing when there is none. One walk over the tree. Silent are those the schema has anyway
/// (determinerCode="INSTANCE", typeCode="DRIV" of an entry, mediaType="text/plain"), and the code system and name of what is told
/// by its code alone.
void odd_attributes_field(Cda& cda, pugi::xml_node document);

}  // namespace direct::ccda
