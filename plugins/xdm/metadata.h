// metadata.h - METADATA.XML of an XDM package: which documents it says there are and what it says of each.
// Namespaces by what elements are called, whatever their prefix and version: the reference implementations
// differ. Nothing here throws but bad_alloc; one thread per call.
// Source: IHE ITI TF-3 4.2 (XDS metadata); ebRIM 3.0; clinical documents section 2.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace direct::xdm {

/// One DocumentEntry (an ExtrinsicObject).
struct DocumentEntry {
    std::string object_id;  ///< id of the object within the metadata
    std::string uri;        ///< relative to the metadata; "" when not told (then the hash finds it)
    std::string mime_type, hash, title, unique_id;
    std::optional<std::uint64_t> size;  ///< bytes, when told as a number
    std::string json;                   ///< all of it as one JSON object
};

struct Metadata {
    std::string why;  ///< why it cannot be read; then all else is empty
    std::vector<DocumentEntry> documents;
    std::string submission;                         ///< the submission set as one JSON object, "" without one
    std::string title, unique_id, submission_time;  ///< of the submission set; time as written
    std::string patient_id;                         ///< HL7 CX as written: "id^^^&root&ISO"
};

/// Bytes of METADATA.XML: a thousand documents of 2 KB each fit twice.
inline constexpr std::size_t metadata_max = 4u << 20;

Metadata read_metadata(std::string_view bytes);

}  // namespace direct::xdm
