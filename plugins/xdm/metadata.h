// metadata.h - METADATA.XML of an XDM package: which documents it says there are and what it says of each, of the
// submission sets, the folders, and how they belong together. Namespaces by what elements are called, whatever their prefix
// and version: the reference implementations differ. Nothing that stands there is left out: see object.h for what every object has
// beside its own members. Nothing here throws but bad_alloc; one thread per call.
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
    /// All of it as one JSON object: uri mimeType title description uniqueId patientId size hash entryId status author[]
    /// {person institution role specialty telecommunication}, each code by its name {code codeSystemName displayName}, each slot
    /// of XDS by its name, associations[] (as below: all that name this entry, membership aside).
    std::string json;
};

struct Metadata {
    std::string why;  ///< why it cannot be read; then all else is empty
    std::vector<DocumentEntry> documents;
    std::string title, unique_id, submission_time;  ///< of the first submission set; time as written
    std::string patient_id;                         ///< HL7 CX as written: "id^^^&root&ISO"

    // One JSON object each, in the order of the metadata.
    /// title description uniqueId sourceId patientId entryId author[] contentTypeCode submissionTime intendedRecipient[]
    std::vector<std::string> submission_sets;
    /// title description uniqueId patientId entryId codeList[] lastUpdateTime
    std::vector<std::string> folders;
    /// Packages that are neither: title description uniqueId sourceId patientId entryId author[] and codes.
    std::vector<std::string> packages;
    /// id type source target submissionSetStatus newStatus originalStatus previousVersion documentation {code ...}; all as
    /// written, source and target are entryIds or ids of what is not in the package.
    std::vector<std::string> associations;
    /// ObjectRefs that name something of the sender's, not only a fixed name of the specification: id home.
    std::vector<std::string> references;
    /// What stands outside of all these: path value.
    std::vector<std::string> more;
    std::vector<std::string> notes;  ///< what was mended in its bytes; no health data
    std::size_t values_cut = 0;      ///< longer than limits::value_max
    std::size_t parts_cut = 0;       ///< of objects larger than limits::object_max
    std::size_t more_cut = 0;        ///< beyond what a list may have
    std::size_t documents_cut = 0;   ///< beyond limits::documents_max
};

/// Bytes of METADATA.XML: a thousand documents of 2 KB each fit twice.
inline constexpr std::size_t metadata_max = 4u << 20;

namespace limits {
/// Bytes of one list of the document object: 1000 documents fit. All of them together have what the host takes.
inline constexpr std::size_t list_max = 512u << 10;
/// Documents of one METADATA.XML: ten times the members a package may have.
inline constexpr std::size_t documents_max = 10'000;
}  // namespace limits

Metadata read_metadata(std::string_view bytes);

}  // namespace direct::xdm
