// watch.h - outbound mail waiting for notifications: who must answer by when, and what came; and beside it what became of every
// other recipient of a message, so that one look-up tells all of them.
//
// One row per message and recipient, written in the transaction that takes the message (F14). Without a request for
// final-destination notification a recipient is complete with processed; with one, with processed and a dispatched that
// carries the extension; in both cases with a failure (F11). What is not complete in time is overdue: the submitter gets
// a failure report, and whatever comes later is kept in audit but shows no success (F9). Repeated notices are noted once
// (7 days and longer: as long as the row lives), displayed always. What Postfix itself has told the submitter (its bounce of
// the sealed message) is not told again. Inside write() or read(); thread safe.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/clock.h"
#include "milter/base/reason.h"
#include "milter/notify/damaged_rows.h"
#include "milter/store/record_store.h"

namespace direct {

struct WatchRecord {
    std::string message_id;   ///< with <>
    std::string sender;       ///< our submitter: From
    std::string return_path;  ///< the envelope sender it left with: notices may come back there
    std::string recipient;
    std::string queue_id;
    bool wants_final = false;
    /// sealed: waiting | complete | failed | overdue, or sent (mail nobody answers, E12). A failure ends as failed whether it
    /// comes before "processed" or behind; not behind a word that it was dispatched or displayed.
    /// local: queued | processed | delivered | relayed | failed. refused and untouched: the same word, and of an untouched
    /// leg from the outbox failed.
    std::string state = "waiting";
    std::string failure;  ///< failed: what the notice said, or the token; overdue, refused: the token
    std::int64_t sent_ms = 0;
    std::int64_t processed_by_ms = 0, dispatched_by_ms = 0;  ///< deadlines
    std::int64_t processed_ms = 0, dispatched_ms = 0, displayed_ms = 0,
                 failed_ms = 0;  ///< when it came; 0: not yet
    /// sealed | local | refused | untouched. Held recipients have no row: their records tell it.
    std::string leg = "sealed";
    std::string envelope_id;  ///< hex, of a sealed leg from the outbox; "": it left in place, under queue_id
    bool is_sealed() const { return leg == "sealed"; }
};

/// A row for a message that leaves. The client's repeat of one that waits: what left in place counts from the last copy
/// (queue id, deadlines), what leaves from the outbox from the first; what was answered stays as it is. Two senders of one
/// Message-ID have a row each.
Status begin_watch(WriteTxn& txn, const RecordStore& store, const WatchRecord& watch);

/// A row for a recipient nobody has to answer for. It stands in for what was refused or failed before, never for one that
/// is under way. Without a Message-ID nothing is written: nobody could ask for it.
Status note_recipient(WriteTxn& txn, const RecordStore& store, const WatchRecord& row);
/// What became of a local recipient of a message of `sender`: processed | delivered | relayed | failed. Nothing happens
/// when there is no such row.
Status note_local(WriteTxn& txn, const RecordStore& store, std::string_view message_id,
                  const std::string& sender, const Address& recipient, std::string_view state,
                  const std::string& failure, Time now);

/// A bounce that our own MTA has sent to the submitter.
struct OwnBounce {
    std::string message_id;
    std::string queue_id;     ///< of the message that bounced
    std::string envelope_id;  ///< ENVID, "" when it had none
    Address sender;           ///< who was told: its envelope sender
    Address recipient;
    std::string status;  ///< "5.1.1"
};
/// The row becomes failed, told already. False when we wait for no such message: another sender, queue id or ENVID.
Result<bool> note_own_bounce(WriteTxn& txn, const RecordStore& store, const OwnBounce& bounce, Time now);

/// One recipient of a sealed or untouched leg that leaves from the outbox.
struct OwedLeg {
    std::string message_id;  ///< "": none
    std::string sender;
    Address recipient;
    std::string envelope_id;  ///< hex
    std::int64_t created_ms;  ///< when the leg was taken
};
/// Our own MTA will not have it. The row becomes failed, token handover-refused. True when the sender is to be told: not when
/// he has heard already (overdue) or has sent it anew meanwhile.
Result<bool> note_leg_refused(WriteTxn& txn, const RecordStore& store, const OwedLeg& leg, Time now);
/// An administrator tries what was refused again: the row stands as after a sending of that moment.
Status note_leg_tried_again(WriteTxn& txn, const RecordStore& store, const OwedLeg& leg, Time now);

/// The rows of a message and recipient, however spelled: one for each sender of ours who sent it.
Result<std::vector<WatchRecord>> watches_for(ReadTxn& txn, const RecordStore& store,
                                             std::string_view message_id, const Address& recipient);
/// All rows of a message.
Result<std::vector<WatchRecord>> watches_of(RecordStore& store, std::string_view message_id);
/// A row as it lies in Table::watch. Fault: temporary (damaged).
Result<WatchRecord> decode_watch(std::string_view bytes);

/// Says whether the notice is for the sender of this row; empty: for every one.
using WatchFilter = std::function<bool(const WatchRecord&)>;

/// What a believed notice does. The caller has proved that it speaks for the recipient.
enum class NoticeUse : unsigned char {
    unknown,   ///< we watch no such message: the submitter may have it
    news,      ///< noted; the submitter may have it
    repeated,  ///< noted before: not to be shown again
    late,      ///< after the failure report: kept in audit, not shown as a success
};
/// @param disposition     as DispositionNotice has it; "failed" for a signed failure DSN
/// @param final_delivery  the extension field was there
Result<NoticeUse> note_notice(WriteTxn& txn, const RecordStore& store, std::string_view message_id,
                              const Address& recipient, std::string_view disposition, bool final_delivery,
                              const std::string& failure, Time now, const WatchFilter& of = {});

/// Rows whose deadline has passed, oldest first, at most `most`. Those that cannot be read are passed over and put to
/// `damaged`.
Result<std::vector<WatchRecord>> overdue_watches(RecordStore& store, Time now, std::size_t most,
                                                 DamagedRows* damaged = nullptr);
/// Inside write(): the row becomes overdue; nothing when a notice came meanwhile. The reason told to the submitter.
Result<std::optional<Reason>> close_overdue(WriteTxn& txn, const RecordStore& store, const WatchRecord& watch,
                                            Time now);
/// When the next deadline of a row that can be read passes; nothing when nothing waits.
Result<std::optional<Time>> next_watch_due(RecordStore& store);
/// Removes rows sent before that time that wait for nothing. Number removed.
Result<std::size_t> sweep_watch(RecordStore& store, Time before);

}  // namespace direct
