// outbox_rows.h - reading and changing outbox rows inside a transaction. For this room, and for
// milter/newuser, which gathers notices that have not been sent. Thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// u64 due ms | outbox id
std::string due_key(const OutboxEntry& entry);
Result<std::optional<OutboxEntry>> get_outbox(ReadTxn& txn, std::string_view id);
/// Replaces `before` (same id) and its due row.
Status put_outbox(WriteTxn& txn, const OutboxEntry& before, const OutboxEntry& entry);
/// The entry, its due row and its content.
Status remove_outbox(WriteTxn& txn, const OutboxEntry& entry);

}  // namespace direct
