// declared.h - what the sender said of a document, held against what the document is. The content decides;
// where the two disagree the document object says so. Pure functions, thread safe.
// Source: clinical documents, "Decision order for one MIME part", step 5.
#pragma once
#include <string>
#include <string_view>

#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"

namespace direct {

/// What a document turned out to be.
struct Found {
    std::string_view kind;  ///< "ccda" | "ccd" | "cda" | "ccr" | "xdm" | "file"
    std::string_view type;  ///< of a file: its media type by content, "application/pdf"; else empty
};

/// Whether a declared media type (or, when that says nothing, the end of the file name) names something
/// else than what was found. A type that fits every document ("application/octet-stream", none) never does.
bool is_mismatch(const Found& found, std::string_view media_type, std::string_view filename);

/// Members "declared" (the media type as given, at most 256 bytes; absent when none was) and "mismatch":
/// true (absent when they agree), into the document object in work.
void declared_fields(JsonWriter& w, const Found& found, const direct_document& document);

/// Members "encoding" (the one used), "declaredEncoding" (of the XML declaration) and "charset" (of the media
/// type), each when there is one.
void encoding_fields(JsonWriter& w, const std::string& used, const std::string& xml_declaration,
                     const direct_document& document);

}  // namespace direct
