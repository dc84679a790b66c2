// outbox.h - mail we owe: written in the same transaction as its cause, sent afterwards, retried.
//
// An entry is handed to the re-injection listener by SMTP with DSN parameters. Each recipient that was
// answered 250 (after DATA) is never sent again; refused ones are noted with their answer and kept, state failed; 4xx ones are
// tried again with back-off. What is in work when the process dies is tried again: the only double can
// come from a kill between the MTA's 250 and our noting it. Plain text leaves by this door only.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Inside write(): the entry and its due row. The content must have been attached by the caller.
Status owe(WriteTxn& txn, const OutboxEntry& entry);

/// An SMTP answer for one recipient.
struct RecipientAnswer {
    std::string recipient;
    int code = 0;      ///< 0: no answer came
    std::string text;  ///< one line, for the admin
};
struct HandOverResult {
    std::vector<RecipientAnswer>
        recipients;  ///< the final word per recipient: RCPT refusal, or the answer to DATA
    bool connected = false;
    bool maybe_taken = false;  ///< the whole message was sent and no answer came: the MTA may have it
    std::string trouble;       ///< why nothing came, for the admin
};
class Interrupt;

/// Speaks SMTP: MAIL FROM with RET=HDRS ENVID, RCPT TO with NOTIFY and ORCPT, 8BITMIME when needed.
/// One message per call. Never throws; no answer = trouble. SIGPIPE must be ignored by the process.
/// @param interrupt  ends it from another thread; may be null
HandOverResult submit(const Settings& settings, const OutboxEntry& entry, std::string_view message,
                      Interrupt* interrupt = nullptr);

/// How long an end in order waits for answers to messages that have been sent whole. systemd ends us 90 s after it asked us
/// to stop; sessions in work may need 30 of them before, and what is in the store is written after.
inline constexpr milliseconds stop_patience = seconds(20);

/// Hands over what is due, several entries at once and in no certain order; one entry is never in two hands. One that cannot
/// be read or noted is put off (reinject.retry_max) and told in the log; it stops no other. Its
/// threads start with the first wake() and end with stop(). Memory: one message above 1 MB at a time, and one smaller
/// one per connection. Thread safe.
class OutboxSender {
public:
    using Current = std::function<std::shared_ptr<const Settings>()>;
    /// Store and clock are borrowed and outlive the sender.
    /// @param connections  reinject.connections
    OutboxSender(RecordStore& store, const Clock& clock, Current settings, std::size_t connections = 1);
    ~OutboxSender();
    /// Something was owed, or may be tried again.
    void wake();
    /// Called after a hand-over has been noted, by any of the sender's threads. Set before the first wake().
    void after_hand_over(std::function<void()> then);
    /// Waits for the entries in work; those not answered within `patience` are broken off and stay owed. One that was sent
    /// whole by then is noted as perhaps taken: the next start sends it again (a double that decision 14 names).
    void stop(milliseconds patience = stop_patience);
    /// One pass over what is due, in the caller's thread; it ends early when nobody listens at
    /// reinject.smtp. Number of entries whose recipients have all got a final answer. Fault: temporary
    /// (the store); what was handed over by then is noted before anything is sent again.
    Result<std::size_t> pass();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Removes what is known of entries settled before that time. Number removed.
Result<std::size_t> sweep_settled(RecordStore& store, Time before);

/// Every entry that can be read.
Result<std::vector<OutboxEntry>> list_outbox(RecordStore& store);
/// Makes everything (or one id, hex) due now and un-fails it. Number of entries. Those that cannot be read are left; Fault:
/// temporary when it is the one that was named.
Result<std::size_t> retry_outbox(RecordStore& store, std::string_view id_hex, Time now);

}  // namespace direct
