// document.h - what kind of clinical document this is, and the "document" object.
#pragma once
#include <string>

#include "plugins/ccda/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

struct DocumentKind {
    const char* kind = "cda";  ///< "ccda" | "ccd" | "cda"
    std::string type;          ///< "CCD", "ReferralNote", "C32", "CCD1.0", "other", ...
    std::string version;       ///< C-CDA: "R1.1", "R2.0", "R2.1", "R2.1+R1.1", ...
    std::string profile;  ///< of other CDA, what it is like: "IHE PCC", "PHCR", "C-CDA-like sections", ...
};

/// By document templateIds, C-CDA before C32 before CCD 1.0 before others; then by what its sections are;
/// then by the LOINC code of the document. Source: clinical documents section 2.
DocumentKind kind_of(pugi::xml_node document, bool has_known_sections);

/// "root^extension", or the root alone.
std::string instance_id(pugi::xml_node id);

/// Members of the "document" object, into the object in work.
void document_fields(Cda& cda, pugi::xml_node document, const DocumentKind& kind);

}  // namespace direct::ccda
