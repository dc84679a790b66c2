// held_purge.h - the end of the end of a held record: its sealed content is unlinked and its wrapped key deleted, so that no
// answer opens it any more (free pages lose the key at "store compact", backups keep it as long as they are kept).
//
// A record that has ended waits newuser.purge_after for it, in an index by the time of its end. What stays is who, when and
// what became of it. Source: pick-up manual "Expiry". Audit is the caller's. Thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Inside write(): from `ended` on the record waits to be purged.
Status await_purge(WriteTxn& txn, std::string_view id, Time ended);

/// Inside write(): purges it and takes it out of all indexes that lead a person to it. The record as it is now; nothing when
/// there is none, it still waits for the person, it was purged before, or may_be_opened() at `now`.
Result<std::optional<HeldRecord>> purge_held(WriteTxn& txn, const RecordStore& store, std::string_view id,
                                             Time now);

/// Picked up, and its time is not up: the person may come back to it.
bool may_be_opened(const HeldRecord& record, Time now);

/// Keys of the index of those that ended by then, oldest first, at most `most`; each ends in the record's id. Whoever purges
/// one erases its key in Table::held_by, also where there is no such record any more.
Result<std::vector<std::string>> held_to_purge(RecordStore& store, Time ended_by, std::size_t most);
/// When the one that waits longest has ended; nothing when none waits.
Result<std::optional<Time>> first_held_to_purge(RecordStore& store);

}  // namespace direct
