// content_type.h - the media type that bytes show, whatever they are called. Looks at the first 64 KiB at most,
// of JSON at 16 MiB, and only says what leaves no doubt. Pure functions, thread safe.
// Source: clinical documents, "Decision order for one MIME part".
#pragma once
#include <string>
#include <string_view>

namespace direct::file {

struct Content {
    std::string type;  ///< "application/pdf", ... ; "" when the bytes show nothing
    /// Of HL7 v2: message type and version ("VXU^V04^VXU_V04", "2.5.1"); of FHIR: resource and, of a Bundle, its
    /// type ("Bundle", "document"). Empty otherwise. Cut at 64 bytes.
    std::string message_type, message_version, resource, bundle;
    std::string encoding;  ///< of text and XML: "utf-8", "utf-16le", ...; "" when not known
};

/// @param charset  of the declared media type; used as for XML, may be empty
Content content_of(std::string_view bytes, std::string_view charset);

}  // namespace direct::file
