// custody_parts.h - the pieces that taking a message is put together from. Used by custody*.cpp only.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "milter/audit/audit.h"
#include "milter/audit/refusals.h"
#include "milter/custody.h"
#include "milter/newuser/held_record.h"
#include "milter/newuser/notice_queue.h"
#include "milter/notify/leg.h"
#include "milter/notify/owed_notice.h"
#include "milter/notify/watch.h"
#include "milter/sta/outbound.h"
#include "milter/store/schema.h"

namespace direct {

/// One audit entry, kept small, and one log line per verdict; counts the decision.
AuditEntry audit_of(const Facts& facts, const char* event, const RecipientVerdict& verdict,
                    const std::string& sender, const std::string& message_id);
void log_decision(const Facts& facts, const RecipientVerdict& verdict, const std::string& sender);

/// Inside write(): the entries about one message that is refused to all of `entries`. Each is written for a user of ours who
/// has logged in; a stranger leaves few and small ones, or is counted (audit/refusals.h).
/// @param beside  bytes written beside them when they are not counted
/// @return false: counted; tell_counted() after the commit
Result<bool> append_refusal(WriteTxn& txn, const House& house, const Facts& facts,
                            std::vector<AuditEntry> entries, std::uint64_t beside = 0);
void tell_counted(bool singly);

/// An outbox entry with its content prepared before the transaction.
struct PreparedEntry {
    OutboxEntry entry;
    std::unique_ptr<PreparedContent> content;
    Status write(WriteTxn& txn) const;
};
Result<PreparedEntry> prepare_entry(RecordStore& store, const Facts& facts, std::string kind,
                                    std::string envelope_from, std::string envelope_id, std::string notify,
                                    std::vector<std::string> recipients, std::string_view message);

/// A held record with the notice it owes, for one newuser recipient.
struct PreparedPickup {
    Address recipient;
    PreparedHeld held;
    std::optional<PreparedNotice> notice;
    void keep();  ///< after write() returned success
};
/// Everything newuser needs to know of the message.
struct PickupSource {
    std::string_view message;  ///< inner message, or the submitted one
    bool wrapped = true;
    std::string sender, organisation, fingerprint, message_id;
};
Result<PreparedPickup> prepare_pickup(Taking& taking, const PickupSource& source, const Address& recipient,
                                      NewuserLine line);
/// Reads the newuser line of a message under the options of the site.
Result<NewuserLine> read_line(const Site& site, std::string_view message);
/// The message as the other recipients may see it: without the line that names the person and carries the
/// answer, whether or not it could be read. `line` gives the real subject when it could.
Result<std::string> without_line(const Site& site, std::string_view message, const Result<NewuserLine>& line);
/// Is this a fault of the sender's (or his quota), to be told by its token, and not trouble of ours?
bool is_newuser_refusal(const Fault& fault);
/// Inside write().
Status write_pickup(WriteTxn& txn, const House& house, const Site& site, const Facts& facts,
                    const PreparedPickup& p);

/// What the sender of an arrived message is to hear of it.
struct NoticeWishes {
    bool notices = false;    ///< not for MDN, DSN, the null sender and automatic mail (E4, E12)
    bool is_notice = false;  ///< it is an MDN or DSN itself
    bool final = false;      ///< he asked, well formed, for final-destination notification (F1-F4)
    bool reports =
        false;  ///< a failure report may go to its submitter: never about a notice, never for the null sender
};
/// A clear leg of this message, to be followed: id, wishes, what counts as final. The caller says whose message it is.
LegRecord followed_leg(const Taking& taking, const NoticeWishes& wishes);
/// A sealed or plain leg of a submission, put into the outbox as `entry`: what our own MTA refuses of it is told to `sender`.
/// @param message_id  "": none
/// @param once_id     and `digest`: of the rows that tell a repeat
LegRecord reported_leg(const OutboxEntry& entry, const std::string& sender, const std::string& message_id,
                       const std::string& once_id, const std::string& digest);
NoticeWishes wishes_of(const Site& site, std::string_view inner_message, const std::string& envelope_from);
/// The row that tells the help desk of one recipient of this message (watch.h). Nothing for one who is held: his record
/// tells it; nor for a refusal that may be none in a minute.
std::optional<WatchRecord> recipient_row(const Facts& facts, const RecipientVerdict& verdict,
                                         const std::string& sender, const std::string& message_id);
/// Inside write(): the same, of recipients in no domain of ours.
Status note_untouched(WriteTxn& txn, const House& house, const Facts& facts,
                      const std::vector<Recipient>& recipients, const std::string& sender,
                      const std::string& message_id);
/// Recipients of a refused message that directctl status tells of: as many as its audit entry names.
inline constexpr std::size_t refused_noted_max = audit_recipients_named;
/// Bytes of what is noted of one of them, beside Message-ID and sender: recipient, tokens, times and two keys.
inline constexpr std::size_t refused_note_bytes = 512;
/// Inside write(): the same, of a message that nobody gets. Nobody has to be trusted to have it written, so for few.
Status note_refused(WriteTxn& txn, const House& house, const Facts& facts,
                    std::span<const RecipientVerdict> verdicts, const std::string& sender,
                    const std::string& message_id);
/// What an arrived notice says of one recipient of a message of ours.
struct NoticeClaim {
    std::string message_id;
    Address recipient;
    std::string disposition;
    bool final_delivery = false;
    std::string failure;
};
/// The claims of an MDN or DSN that its signer may make: about an address his certificate is bound to (F16). None for
/// ordinary mail.
std::vector<NoticeClaim> claims_in(const Site& site, std::string_view inner_message,
                                   const Certificate& signer);

/// Inside write(): notes those about messages of `to`, the recipients of this one. True when they may see the notice; `told` gets words for audit.
Result<bool> note_claims(WriteTxn& txn, const RecordStore& store, const std::vector<NoticeClaim>& claims,
                         const std::vector<Address>& to, Time now, std::string& told);
/// Do the claims speak of a message that `to` has sent? What a notice under one-way trust is good for (D10).
Result<bool> about_mail_of(RecordStore& store, const std::vector<NoticeClaim>& claims, const Address& to);

/// Inside write(): processed for a held record, and dispatched when asked for: the commit is its final delivery.
Status owe_held_notices(WriteTxn& txn, const House& house, const Facts& facts, const NoticeWishes& wishes,
                        const PreparedPickup& p);

/// What stands for the Message-ID in those rows. Without one the bytes tell a message from the next, as its Date is among them;
/// without a Date too, two messages may well be the same byte for byte: then `sending` tells one sending from another.
/// @param message  what the digest in the rows is made of
std::string once_id_of(const Site& site, std::string_view message, const std::string& message_id,
                       const std::string& sending);
/// The same for one that has arrived. Of an unwrapped message Date is not among the bytes of signed_digest: it tells nothing.
/// @param ciphertext  digest of what arrived: sealed anew it is another one, a mail server's repeat is the same
std::string once_id_of(const Site& site, const OpenedMail& opened, const std::string& ciphertext);

/// Left of the @ in the Message-ID of a submission that has none: made of who sends what to whom, so that a client's repeat
/// has the same, and a notice about either answers both. Keyed: who reads it outside can try out neither contents nor Bcc.
/// @param once_id  as above: of what nothing tells apart each sending has one of its own
std::string made_message_id(const RecordStore& store, const Address& from,
                            const std::vector<Recipient>& recipients, const std::string& once_id,
                            const std::string& content);

/// The idempotency row of one thing for one recipient: true the first time within 10 days.
/// @param kind     what is made: "leg", "held", "mdn", "failure-dsn"
/// @param content  digest of the bytes that make a repeat a repeat
Result<bool> first_time(WriteTxn& txn, const RecordStore& store, const char* kind,
                        const std::string& message_id, const std::string& from, const Address& recipient,
                        const std::string& content, Time now);

/// Mail that is not S/MIME, for recipients of ours. Passed, marked, where the domain says so and never to
/// newuser; refused whole when one of them may not have it, except that a user of ours who writes to others too
/// has those served and is told of the rest. `others`: somebody in no domain of ours, whose copy stays as it is.
Plan take_plain(Taking& taking, std::vector<RecipientVerdict> verdicts, bool others);

/// What recipients of ours get is in the store: they leave the envelope, and nobody left in it means discard. The others keep
/// the bytes as they came.
Plan ours_leave(const std::vector<Recipient>& recipients);

/// The outer header of a sealed leg. Fault: it cannot be read; look before the store commits.
Result<Entity> outer_of(const SealedLeg& leg);
/// Everything the submitter wrote into the header goes, what may stand outside comes (B8). The leg's outer header can be read.
void replace_header(Plan& plan, const std::vector<std::pair<std::string, int>>& seen, const SealedLeg& leg);

/// Answer for a message that could not be taken: the fault's own, never more than it may tell.
Plan plan_for(const Fault& fault, const std::string& help_url = "");

}  // namespace direct
