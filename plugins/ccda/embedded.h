// embedded.h - files that stand in a text, encoded: a scan as the body of a document, a note as PDF, a letter as RTF. The file is
// handed to the host as a document of its own; whoever holds it says that it was there.
// Source: HL7 V3 data types R1, ED (representation, mediaType, compression, integrityCheck).
#pragma once
#include <string>
#include <string_view>

#include "plugins/ccda/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// All text of an element, as it stands: a file's content, not words to be read.
std::string raw_text(pugi::xml_node node);

/// Whether its text is base64: it says so of itself in whatever case, or it says nothing of its representation, a media
/// type that is no text, and looks like a file in base64. O(length) in the latter case.
bool is_base64(pugi::xml_node ed);

/// The file in a text.
struct Embedded {
    std::string content;           ///< what is handed on; "" when the text is no base64
    std::size_t encoded_size = 0;  ///< bytes as they stand in the document, blanks included
    std::size_t packed_size = 0;   ///< bytes it was inflated from; 0: it was not
    std::string not_inflated;      ///< why `content` is packed still; "" when it is not
    bool mismatch = false;         ///< it is not what its integrityCheck (SHA-1 or SHA-256) was made of
};
/// Reads a text for which is_base64() holds. What is deflated is inflated within inflate_limits, counted for the whole
/// document; told as skipped is what could not be.
Embedded read_embedded(Cda& cda, const char* section, pugi::xml_node ed);

/// Hands a file on, with a container object {element, offset, size}, the first time it is met. False: it is one more than
/// Cda::files_max.
bool tell_embedded(Cda& cda, pugi::xml_node ed, const Embedded& file);

/// Members of a text, whose names begin with `name` (or with a small letter when it is ""): "<name>Compression",
/// "<name>IntegrityCheck" and "<name>IntegrityCheckAlgorithm" as they stand, "<name>EncodedSize", and of what was found out
/// "<name>Base64Assumed" (it does not say so itself), "<name>PackedSize", "<name>NotInflated" and "<name>IntegrityMismatch".
void embedded_members(Cda& cda, std::string_view name, pugi::xml_node ed, const Embedded& file);

/// Members of a text for which is_base64() holds: "<name>Representation", then embedded_members(), and "<name>FileOffset"
/// when the file was handed on: the "offset" in the container of that file. False, with no member but the first, when it is
/// no base64 or no element "text" (a signature is no document to be read): then it is told as it stands.
bool file_members(Cda& cda, const char* name, pugi::xml_node ed);

}  // namespace direct::ccda
