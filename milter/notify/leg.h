// leg.h - legs that are followed: what was handed to the MTA, and of clear ones what its reports say.
//
// processed is owed when the MTA has answered 250 to the re-injection (custody), dispatched when its report says
// delivered and the sender asked for it, failed when it refuses or gives up (E1, E8, F2-F6). A leg that is done stays
// until swept, so that a repeated report changes nothing. A recipient that failed may be sent the same message again. Inside write(); thread safe.
//
// Of a submitted message's sealed and plain legs the recipients' side tells what came of them (watch.h), when our own MTA has
// them. What it refuses they never hear of: their submitter gets a failure report of ours, one for each try, with exactly
// the recipients refused in it (F7).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/notify/report_reader.h"
#include "milter/store/record_store.h"

namespace direct {

struct LegRecord {
    std::string envelope_id;          ///< 16 bytes: ENVID, and the token in the report address
    std::string original_message_id;  ///< inner Message-ID
    std::string sender;               ///< verified From of the original
    std::string queue_id;
    std::string once_id;  ///< Message-ID in those rows: as submitted, "" when it had none
    std::string digest;   ///< what told the message from another one: content part of its idempotency rows
    bool wants_notices = true;  ///< no: MDN, DSN, automatic mail
    bool wants_final = false;   ///< a well-formed request for final-destination notification
    /// Our domains where a relayed report counts as final delivery (domain.final = "relayed").
    std::vector<std::string> relay_is_final;
    std::vector<std::string>
        held;  ///< a pick-up notice: ids of the held records it tells of; their senders hear of a failure
    std::int64_t created_ms = 0;
    std::vector<std::string> waiting;    ///< recipients of which nothing is known yet
    std::vector<std::string> processed;  ///< the MTA has it
    std::vector<std::string> delivered;  ///< reported as finally delivered
    std::vector<std::string>
        relayed;                      ///< reported as relayed or expanded: what came of it cannot be observed
    std::vector<std::string> failed;  ///< refused or reported failed
    /// A sealed or plain leg of a submission: only what our own MTA refuses is told, in a failure report. No delivery report is
    /// believed about it: its envelope id goes on with the message, for strangers to read.
    bool told_by_report = false;
};

Status keep_leg(WriteTxn& txn, const LegRecord& leg);
Result<std::optional<LegRecord>> get_leg(ReadTxn& txn, std::string_view envelope_id);

/// The MTA's answers to the re-injection. Unknown envelope id (a leg of something else): nothing happens.
/// @param refused  addresses answered 5xx
Status note_handed_over(WriteTxn& txn, const RecordStore& store, std::string_view envelope_id_hex,
                        const std::vector<std::string>& taken, const std::vector<std::string>& refused,
                        Time now);

/// Is the delivery followed, so that its sender hears of each recipient?
Result<bool> is_followed(ReadTxn& txn, std::string_view envelope_id_hex);
/// An administrator tries a refused entry again: those of `recipients` to whom its sender, told of the failure, has not sent it
/// again meanwhile. From now on the sender's next one is a repeat, and he hears what comes of this try.
Result<std::vector<std::string>> not_sent_again(WriteTxn& txn, const RecordStore& store,
                                                std::string_view envelope_id_hex,
                                                const std::vector<std::string>& recipients, Time now);

/// What a delivery report of our own MTA said, per recipient: "delivered alice@d" ... for audit.
Result<std::vector<std::string>> note_delivery(WriteTxn& txn, const RecordStore& store,
                                               std::string_view envelope_id_hex, const DeliveryNotice& report,
                                               Time now);

/// Removes legs created before that time. Number removed.
Result<std::size_t> sweep_legs(RecordStore& store, Time before);

}  // namespace direct
