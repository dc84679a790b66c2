// owed_notice.h - notifications we owe the sender of an arrived message, before they are signed and sealed; and failure reports
// owed to our own submitters (leg.h), before they are written.
//
// Written in the transaction of their cause (a hand-over noted, a delivery report, a held record); a maker signs and
// seals each (that may ask the network for a certificate) and puts it into the outbox in the transaction that removes it
// here. Each is made once: what it is about is remembered for 10 days (E2, E14). Thread safe.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/notify/damaged_rows.h"
#include "milter/store/record_store.h"

namespace direct {

struct OwedNotice {
    std::string id;                   ///< 16 bytes
    std::string disposition;          ///< processed | dispatched | failed; report: a failure report
    std::string recipient;            ///< of the original; the notice speaks in its name
    std::string sender;               ///< verified From of the original: gets the notice
    std::string original_message_id;  ///< with <>
    std::string failure;              ///< token, for failed
    bool final_delivery = false;      ///< carries the extension field
    std::string queue_id;             ///< of the message that caused it
    std::string
        about;  ///< what tells it from another about the same message: id of a held record, what was refused
    std::vector<std::string> warnings;  ///< W1.. told in the text
    std::int64_t created_ms = 0, due_ms = 0;
    std::uint32_t tries = 0;
    std::vector<std::string> recipients;  ///< whom a failure report is about; `recipient` is empty then
    bool is_report() const { return disposition == "report"; }
};

/// Inside write(): owed once per (disposition, recipient, message, sender); a repeat is passed over.
/// `id`, created and due time are set here. Fault: temporary.
Status owe_notice(WriteTxn& txn, const RecordStore& store, OwedNotice notice, Time now);

/// Inside write(): a failure report, each time it is called. What makes it once is the caller's row.
Status owe_report(WriteTxn& txn, OwedNotice report, Time now);

/// Its idempotency key.
std::string notice_key(const RecordStore& store, const OwedNotice& notice);

/// Says whether it is asked for; empty: every one is.
using NoticeFilter = std::function<bool(const OwedNotice&)>;

/// Those due by now, oldest first, and those put off so far that the clock must have been set back since; at most
/// `most`. Those that cannot be read are passed over and put to `damaged`. Fault: temporary.
Result<std::vector<OwedNotice>> due_notices(RecordStore& store, Time now, std::size_t most,
                                            DamagedRows* damaged = nullptr, const NoticeFilter& wanted = {});
/// All that can be read, due or not, the oldest first; at most `most`. Fault: temporary.
Result<std::vector<OwedNotice>> owed_notices(RecordStore& store, std::size_t most = SIZE_MAX);
/// When the next one that can be read is due; nothing when none is owed.
Result<std::optional<Time>> next_notice_due(RecordStore& store, const NoticeFilter& wanted = {});

/// Inside write(): false when it is gone already (made by somebody else meanwhile).
Result<bool> take_notice(WriteTxn& txn, const OwedNotice& notice);
/// Inside write(): tried in vain, once more at `due`.
Status put_off_notice(WriteTxn& txn, OwedNotice notice, Time due);

}  // namespace direct
