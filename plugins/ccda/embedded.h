// embedded.h - files that stand in the text of an entry, encoded: a note as PDF, a letter as RTF. The file is handed to
// the host as a document of its own; the item says that it was there.
// Source: HL7 V3 data types R1, ED (representation, mediaType, compression).
#pragma once
#include <pugixml.hpp>
#include <string>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

/// All text of an element, as it stands: a file's content, not words to be read.
std::string raw_text(pugi::xml_node node);

/// Whether it says of itself that its text is base64.
bool is_base64(pugi::xml_node ed);

/// Members of a text that says it is base64: "<name>Representation", then "<name>Compression" and "<name>EncodedSize"
/// (bytes as they stand in the document, blanks included), and "<name>FileOffset" when the file was handed on: the
/// "offset" in the container of that file. False, with no member but the first, when it is no base64 or no element
/// "text" (a signature is no document to be read): then it is told as it stands.
bool file_members(Cda& cda, const char* name, pugi::xml_node ed);

}  // namespace direct::ccda
