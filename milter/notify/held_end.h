// held_end.h - held records that end before the person has picked them up, and their senders hear of it: the time is up, too
// many wrong answers, withdrawn by an administrator, or the notice to the person came back.
//
// Each end is told once by a failed notification in the name of the newuser address, in the transaction that changes the
// state; a record whose sender has been told already (notify-failed, locked) ends in silence, and so does one of mail that
// nobody may answer (E12). Notices to the person that have not left are taken back, and from its end on the record waits to be
// purged (held_purge.h). Source: pick-up manual "States". Audit is the caller's. Thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Inside write(): the record goes over to `state` (notify-failed | locked | revoked | expired). The record as it is now;
/// nothing when there is none, or it does not wait any more (picked up, ended before, or in that state already).
/// @param queue_id  of the mail that caused it, for the log; may be empty
Result<std::optional<HeldRecord>> end_held(WriteTxn& txn, const RecordStore& store, std::string_view id,
                                           std::string_view state, Time now,
                                           const std::string& queue_id = "");

/// The index of when records end; part of writing a record. Key in Table::held_by.
std::string held_due_key(const HeldRecord& record);

/// Keys of the index whose time is up, oldest first, at most `most`; each ends in the record's id. Whoever ends a record
/// erases its key, also where there is no such record any more.
Result<std::vector<std::string>> held_overdue(RecordStore& store, Time now, std::size_t most);
/// When the next one's is; nothing when none waits.
Result<std::optional<Time>> next_held_due(RecordStore& store);

}  // namespace direct
