// notice_queue.h - at most one notice to one contact within newuser.notice_interval; what comes in
// between is gathered into one digest at the interval's end.
//
// Sealing content and filling templates are too slow for a write transaction, so a notice is prepared from
// what the store said before, and write() holds that against what it says now. Two records for
// one contact in the same moment then get two notices, one interval apart; otherwise a waiting notice is
// replaced by a digest of it and the new one. Faults: configuration, temporary. Thread safe.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

struct PreparedNotice {
    OutboxEntry entry;  ///< kind pickup-notice; message_id: 16 bytes for each held record
    std::unique_ptr<PreparedContent> content;  ///< keep() it after the commit
    std::string row_key;                       ///< of Table::notice
    std::string row_seen;                      ///< its value when this was prepared; "" = none
    std::vector<std::string> replaces;         ///< outbox ids that are in this digest
    milliseconds interval{0};

    /// Inside write(), together with the held record; may run more than once.
    Status write(WriteTxn& txn) const;
};

/// The notice that a new record owes, alone or with those that wait for the same contact.
/// @param host      our host name
/// @param queue_id  of the message that caused it
Result<PreparedNotice> prepare_notice(RecordStore& store, const HeldRecord& record,
                                      const DomainSettings& domain, const Settings& settings,
                                      const std::string& host, const std::string& queue_id, Time now);

}  // namespace direct
