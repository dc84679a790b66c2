// settle.h - what a parser said of an attachment becomes documents and items of the records it came to.
//
// In this order, so that a cut anywhere leaves the pending row and everything is done again:
//   1. what an earlier run has left of this attachment goes
//   2. inner documents, then items and the rows that lead to them, in batches; nobody sees them yet
//   3. what is no longer found in it leaves each record, and what each document is there (placement.h), as many as one
//      transaction takes
//   4. with the last of these the attachment's own row with its state, and the pending row gone
// Which items have to be written depends on 3: so that is tried first, and when it wants items that are not
// there it changes nothing and they are written. A document that is in every record already costs one commit.
// Every transaction looks whether the attachment is still there: once it has expired nothing is written.
#pragma once
#include <string>

#include "milter/base/result.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"
#include "plugins/host/worker_pool.h"

namespace direct {

/// Documents times records that are placed at most for one attachment, so that no mail keeps the parsers' threads for
/// minutes; inner documents beyond it are kept with state "limit" and without items.
inline constexpr std::size_t placements_max = 20'000;

/// Documents inside one attachment that become rows. The parsers tell no more of one; whatever they tell, the store and
/// who looks at the message have no more of them to read. `skipped` of the document they came in says how many are missing.
inline constexpr std::size_t inner_documents_max = 1000;

inline constexpr std::size_t document_kind_max = 32;  ///< characters

/// "kind" of a document object, wherever it stands in it; "other" when it has none, or none that is a word
/// ([A-Za-z0-9_-]).
/// @param document  is_json_object()
std::string kind_of_document(const std::string& document);

/// @param key       the attachment's; its message's recipients are the records
/// @param document  its row with state, plugin and detail as the parsers left them; completed here
/// Fault: temporary; the pending row is then still there, and some records may have the document already.
Status settle_document(RecordStore& store, const std::string& key, DocumentRecord& document,
                       const ParseOutcome& outcome);

}  // namespace direct
