// sniff.h - what a part really is, from its first bytes: the declared type and the name are hints only.
// Looks at no more than the first 4 KiB; never parses XML or opens a zip (that is done in the child).
// Source: clinical documents, "Decision order for one MIME part".
#pragma once
#include <string>
#include <string_view>

namespace direct {

/// kind: "xml" | "zip" | "pdf" | "image" | "ole" | "hl7v2" | "json" | "text" | "binary"
struct Sniffed {
    std::string kind;
    std::string encoding;   ///< BOM or XML declaration: "utf-8", "utf-16le", ... or ""
    bool clinical = false;  ///< worth offering to the clinical plugins (xml, zip)
};
Sniffed sniff(std::string_view head);

/// XML that is a document and not text with a tag in it: it has an XML declaration, a namespace or the
/// root of a clinical document. Never HTML. Tells a document sent as a bare text part from its covering
/// letter.
bool is_xml_document(std::string_view head);

}  // namespace direct
