// document_facts.h - what must be known of a parsed document to tell whether it is another one again, a
// later version of it, or an addendum; and the "document" object without its narratives.
//
// The JSON comes from a parser child: it was checked to be JSON, its members may be of any type. What is
// not as expected is left out. Pure functions, thread safe; nothing throws but bad_alloc.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/store/schema.h"
#include "plugins/host/worker_pool.h"

namespace direct {

/// Bytes of a "document" object kept in its row; a longer one loses its sections, then all but its identity.
inline constexpr std::size_t summary_max = 64 * 1024;
/// Ids of a patient, documents named by a document, and ids of all of those, beyond which no more are looked at.
inline constexpr std::size_t identities_max = 50;
/// Bytes of an id, or of a name with a birth time; a longer one is known by its SHA-256. They stand in a row per
/// record, so that without this bound a mail to many recipients would be too large for one transaction.
inline constexpr std::size_t identity_bytes_max = 200;

struct DocumentFacts {
    /// "root^extension" or "root", a UUID in lower case; "" when there is none or it has a null flavor; bounded as above
    std::string id, set_id;
    std::int64_t version = -1;  ///< versionNumber when it is a whole number, else -1
    /// "i" and each id that is one person's (no null flavor, no OID alone); "n", folded names and birth time
    std::vector<std::string> patient;
    std::vector<RelatedDocument> related;
    std::string summary;  ///< the object for lists: no `narrative` and `narrativeHtml`, at most summary_max
    bool summary_whole = false;  ///< nothing was left out
};

/// @param document  JSON object of directctl parse, at most wire::json_max bytes
DocumentFacts facts_of_document(const std::string& document);

/// SHA-256 of everything that was read out of a document but positions in its bytes: two documents of the same
/// id and version with this digest say the same. 32 bytes.
std::string content_digest(const ParseOutcome& outcome);

}  // namespace direct
