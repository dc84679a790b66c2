// Taking one inbound message: judged per recipient, committed, then told to the MTA to forget it; what
// goes to the mailbox is handed over by re-injection.
#include <syslog.h>

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/mime/wrap.h"
#include "milter/notify/once.h"
#include "milter/notify/report_reader.h"
#include "milter/sta/judging.h"

namespace direct {
namespace {

class InboundTaking {
public:
    explicit InboundTaking(Taking taking) : t_(std::move(taking)) {}
    Plan run();

private:
    bool sort_recipients();
    bool plain() const;
    Status take();
    std::vector<Address> accepted() const;
    Status hold_to_notices();
    Status read_newuser();
    Result<PreparedPickup> prepare_one(RecipientVerdict& verdict, NewuserLine line);
    Status prepare_mailbox_leg(const std::vector<std::string>& recipients);
    Status commit();
    Status write(WriteTxn& txn);
    Status write_pickups(WriteTxn& txn, const Address& recipient);
    Status owe_newuser_failures(WriteTxn& txn);
    Status note_all(WriteTxn& txn, const std::vector<Address>& fresh);
    Status write_mailbox(WriteTxn& txn, const std::vector<Address>& fresh);
    Plan refused();
    Plan taken() const;
    std::string trust_headers() const;

    Taking t_;
    OpenedMail opened_;
    std::vector<Address> ours_;
    bool others_ = false;
    std::string for_others_;  // set when newuser stands among the recipients: without its line
    std::optional<PreparedEntry> clear_leg_;
    std::optional<PreparedDocuments> documents_;
    NoticeWishes wishes_;
    bool only_notice_ = false;         // somebody gets it for a notice alone
    std::vector<NoticeClaim> claims_;  // what this message, a notice, says of ours
    LegRecord leg_;                    // how the clear leg is followed
    std::vector<PreparedPickup> pickups_;
    MessageRecord record_;
    std::string once_id_;  // the Message-ID, or what stands for it in rows against repeats
};

Plan InboundTaking::run()
{
    count(Metric::messages_inbound_total);
    if (!sort_recipients())
        return refuse_message(t_.house, t_.facts, t_.recipients, Reason::unknown_recipient,
                              "a recipient of ours is spelled in a way that cannot be delivered", true);
    opened_ = open_inbound(t_.site, t_.house.engine, {t_.message, ours_, t_.facts.now});
    if (plain()) return take_plain(t_, std::move(opened_.verdicts), others_);
    once_id_ = once_id_of(t_.site, opened_, hex(sha256(t_.message)));
    discard(t_.message);
    // One recipient whose verdict may be another in a minute decides for all: nobody gets it twice.
    if (is_temporary(opened_.overall())) return refused();
    if (opened_.any_accepted())
        if (auto done = take(); !done) {
            LogLine(LOG_WARNING, t_.facts.queue_id, "store").with("what", done.error().why);
            return plan_for(done.error(), t_.site.settings->newuser_help_url);
        }
    if (!opened_.any_accepted()) return refused();
    return taken();
}

bool InboundTaking::sort_recipients()
{
    for (const auto& r : t_.recipients) {
        if (!r.ours) {
            others_ = true;
            continue;
        }
        if (!r.address) return false;
        if (std::find(ours_.begin(), ours_.end(), *r.address) == ours_.end()) ours_.push_back(*r.address);
    }
    return true;
}

bool InboundTaking::plain() const
{
    return std::all_of(opened_.verdicts.begin(), opened_.verdicts.end(),
                       [](const auto& v) { return v.reason == Reason::not_encrypted; });
}

Status InboundTaking::take()
{
    wishes_ = wishes_of(t_.site, opened_.message, t_.facts.envelope_from);
    claims_ = claims_in(t_.site, opened_.message, *opened_.signer);
    CHECK(hold_to_notices());
    CHECK(read_newuser());
    std::vector<std::string> mailboxes;
    for (const auto& v : opened_.verdicts)
        if (v.reason == Reason::accepted) mailboxes.push_back(v.recipient.text());
    if (!opened_.any_accepted()) return Done{};  // newuser alone, and its line was refused
    if (!mailboxes.empty()) CHECK(prepare_mailbox_leg(mailboxes));
    discard(opened_.message);
    discard(for_others_);
    auto done = commit();
    if (done || !is_newuser_refusal(done.error())) return done;
    // The quota is counted inside the transaction. Newuser leaves; the others, if any, are served.
    for (auto& v : opened_.verdicts)
        if (v.reason == Reason::held) v.reason = done.error().reason;
    pickups_.clear();
    if (!opened_.any_accepted()) return Done{};
    return commit();
}

std::vector<Address> InboundTaking::accepted() const
{
    std::vector<Address> out;
    for (const auto& v : opened_.verdicts)
        if (v.reason == Reason::accepted) out.push_back(v.recipient);
    return out;
}

/// Under one-way trust a notice about a message of the recipient's is taken, and nothing that only looks like one (D10).
Status InboundTaking::hold_to_notices()
{
    for (auto& v : opened_.verdicts) {
        if (v.reason != Reason::accepted || !v.only_as_notice) continue;
        TRY(const bool about, about_mail_of(t_.house.store, claims_, v.recipient));
        if (about && !t_.site.is_newuser(v.recipient) &&
            is_small_notice(opened_.message, t_.site.mime_limits())) {
            only_notice_ = true;
            continue;
        }
        v.reason = for_good(t_.site.anchors, v.recipient.domain, Reason::untrusted);
        if (is_temporary(v.reason))
            return fail(temporary("anchors of " + v.recipient.domain + " cannot be had"));
        v.because.push_back("trusted for notices about mail that was sent to him only, and this is none");
    }
    return Done{};
}

/// The newuser recipients: line read, record sealed. A line that cannot be taken, or a quota, is that
/// recipient's refusal; trouble of ours is everybody's 4xx.
Status InboundTaking::read_newuser()
{
    bool any = std::any_of(ours_.begin(), ours_.end(), [&](const auto& a) { return t_.site.is_newuser(a); });
    if (!any) return Done{};
    TRY(for_others_, without_line(t_.site, opened_.message, read_line(t_.site, opened_.message)));
    for (auto& v : opened_.verdicts) {
        if (v.reason != Reason::accepted || !t_.site.is_newuser(v.recipient)) continue;
        if (!opened_.wrapped && t_.site.settings->newuser_require_wrapped) {
            v.reason = Reason::not_wrapped;
            v.because.push_back("newuser takes the person's address only from a Subject under the signature");
            continue;
        }
        auto line = read_line(t_.site, opened_.message);
        auto pickup = line ? prepare_one(v, std::move(*line)) : Result<PreparedPickup>(fail(line.error()));
        if (!pickup && !is_newuser_refusal(pickup.error())) return fail(pickup.error());
        v.reason = pickup ? Reason::held : pickup.error().reason;
        if (pickup)
            pickups_.push_back(std::move(*pickup));
        else
            v.because.push_back(pickup.error().why);
    }
    return Done{};
}

Result<PreparedPickup> InboundTaking::prepare_one(RecipientVerdict& verdict, NewuserLine line)
{
    verdict.because.insert(verdict.because.end(), line.warnings.begin(), line.warnings.end());
    if (!opened_.wrapped) verdict.because.push_back("W2");
    PickupSource source{opened_.message,
                        opened_.wrapped,
                        opened_.from->text(),
                        opened_.signer->organisation(),
                        opened_.signer->fingerprint(),
                        opened_.message_id};
    TRY(auto pickup, prepare_pickup(t_, source, verdict.recipient, std::move(line)));
    pickup.held.record.wants_notices = wishes_.notices;
    pickup.held.record.once_key = once_key(t_.house.store, "held", once_id_, opened_.from->text(),
                                           verdict.recipient.text(), opened_.signed_digest);
    return pickup;
}

std::string InboundTaking::trust_headers() const
{
    // Values come from a verified certificate and a parsed address; both are without controls, quotes of
    // a local part would still change the field's grammar.
    auto from = opened_.from->local.find('"') == std::string::npos ? opened_.from->text()
                                                                   : "@" + opened_.from->domain;
    std::string out = "Authentication-Results: " + t_.site.authserv_id +
                      ";\r\n\tx-direct=pass header.from=" + from + "\r\n";
    out +=
        "X-Direct-Trust: pass; signer=" + opened_.signer->fingerprint() + ";\r\n\tcipher=" + opened_.cipher;
    for (const auto& w : opened_.warnings) out += "; " + w;
    return out + "\r\n";
}

Status InboundTaking::prepare_mailbox_leg(const std::vector<std::string>& recipients)
{
    auto& store = t_.house.store;
    auto limits = t_.site.mime_limits();
    record_.id = new_id();
    record_.message_id = opened_.message_id;
    record_.references = opened_.references;
    record_.in_reply_to = opened_.in_reply_to;
    record_.sender = opened_.from->text();
    record_.recipients = recipients;
    record_.queue_id = t_.facts.queue_id;
    record_.received_ms = t_.facts.now.time_since_epoch().count();
    record_.signer_fingerprint = opened_.signer->fingerprint();
    record_.sender_organisation = opened_.signer->organisation();
    record_.kind = "mailbox";
    record_.items_until_ms = record_.received_ms + t_.site.settings->items_retention.count();
    record_.warnings = opened_.warnings;
    if (t_.site.settings->items_keep == "all" && !only_notice_) {
        auto documents = PreparedDocuments::prepare(store, opened_.message, limits);
        // A message whose MIME cannot be split is still the trusted sender's: delivered, without items.
        if (documents)
            documents_ = std::move(*documents);
        else if (documents.error().reason != Reason::malformed)
            return fail(documents.error());
        else
            record_.warnings.push_back("attachments-unreadable");
    }
    const auto& visible = for_others_.empty() ? opened_.message : for_others_;
    TRY(auto clear, deliverable(visible, t_.site.authserv_id, {trust_headers()}, "", limits));
    discard(opened_.message);
    leg_ = followed_leg(t_, wishes_);
    auto token = hex(leg_.envelope_id);
    TRY(clear_leg_,
        prepare_entry(store, t_.facts, "clear-leg", "direct-dsn+" + token + "@" + t_.site.report_domain(),
                      token, "SUCCESS,FAILURE", recipients, clear));
    clear_leg_->entry.message_id = record_.id;
    leg_.original_message_id = opened_.message_id;
    leg_.sender = record_.sender;
    leg_.digest = opened_.signed_digest;
    leg_.once_id = once_id_;
    return Done{};
}

Status InboundTaking::commit()
{
    CHECK(t_.house.store.write([&](WriteTxn& txn) { return write(txn); }));
    if (clear_leg_) clear_leg_->content->keep();
    if (documents_) documents_->keep();
    for (auto& p : pickups_) p.keep();
    for (const auto& v : opened_.verdicts) log_decision(t_.facts, v, opened_.from->text());
    t_.house.wake();
    return Done{};
}

// May run more than once: nothing outside the transaction changes here.
Status InboundTaking::write(WriteTxn& txn)
{
    auto& store = t_.house.store;
    auto sender = opened_.from->text();
    std::vector<Address> fresh;
    std::string told;
    TRY(bool shown, note_claims(txn, store, claims_, accepted(), t_.facts.now, told));
    for (const auto& v : opened_.verdicts) {
        auto entry = audit_of(t_.facts, "message-in", v, sender, opened_.message_id);
        if (!opened_.warnings.empty()) entry.detail += "; marked " + join(opened_.warnings, ", ");
        if (!is_refusal(v.reason)) {
            TRY(bool first, first_time(txn, store, v.reason == Reason::held ? "held" : "leg", once_id_,
                                       sender, v.recipient, opened_.signed_digest, t_.facts.now));
            if (!first) entry.detail += "; taken before, this is the sender's repeat";
            if (first && shown && v.reason == Reason::accepted) fresh.push_back(v.recipient);
            if (first && v.reason == Reason::held) CHECK(write_pickups(txn, v.recipient));
        }
        entry.detail += told;
        keep_small(entry);
        CHECK(append_audit(txn, store, std::move(entry)));
    }
    CHECK(owe_newuser_failures(txn));
    CHECK(note_all(txn, fresh));
    return fresh.empty() ? Status(Done{}) : write_mailbox(txn, fresh);
}

/// What became of each recipient, for whoever asks for this Message-ID. Nobody asks for a notice.
Status InboundTaking::note_all(WriteTxn& txn, const std::vector<Address>& fresh)
{
    if (wishes_.is_notice) return Done{};
    const auto sender = opened_.from->text();
    for (const auto& v : opened_.verdicts) {
        const bool repeat =
            v.reason == Reason::accepted && std::find(fresh.begin(), fresh.end(), v.recipient) == fresh.end();
        const auto row = recipient_row(t_.facts, v, sender, opened_.message_id);
        if (row && !repeat) CHECK(note_recipient(txn, t_.house.store, *row));
    }
    return note_untouched(txn, t_.house, t_.facts, t_.recipients, sender, opened_.message_id);
}

/// The others are served, so the message cannot be refused: the sender is told about newuser by a failed notice.
Status InboundTaking::owe_newuser_failures(WriteTxn& txn)
{
    for (const auto& v : opened_.verdicts) {
        bool its_line = token_of(v.reason).starts_with("newuser:") || v.reason == Reason::not_wrapped;
        if (!wishes_.notices || !its_line || !t_.site.is_newuser(v.recipient)) continue;
        OwedNotice notice;
        notice.disposition = "failed";
        notice.failure = token_of(v.reason);
        notice.recipient = v.recipient.text();
        notice.sender = opened_.from->text();
        notice.original_message_id = opened_.message_id;
        notice.queue_id = t_.facts.queue_id;
        notice.about = opened_.signed_digest + notice.failure;
        CHECK(owe_notice(txn, t_.house.store, std::move(notice), t_.facts.now));
    }
    return Done{};
}

Status InboundTaking::write_pickups(WriteTxn& txn, const Address& recipient)
{
    for (const auto& p : pickups_)
        if (p.recipient == recipient) {
            CHECK(write_pickup(txn, t_.house, t_.site, t_.facts, p));
            CHECK(owe_held_notices(txn, t_.house, t_.facts, wishes_, p));
        }
    return Done{};
}

Status InboundTaking::write_mailbox(WriteTxn& txn, const std::vector<Address>& fresh)
{
    auto& store = t_.house.store;
    auto leg = clear_leg_->entry;
    leg.recipients.clear();
    for (const auto& a : fresh) leg.recipients.push_back(a.text());
    CHECK(clear_leg_->content->attach(txn));
    CHECK(owe(txn, leg));
    auto followed = leg_;
    followed.waiting = leg.recipients;
    CHECK(keep_leg(txn, followed));
    auto record = record_;
    record.recipients = leg.recipients;
    CHECK(txn.put(Table::message, record.id, encode(record)));
    CHECK(txn.put(Table::message_by, "m" + store.index_key("message-id", record.message_id) + record.id, ""));
    for (const auto& a : fresh)
        CHECK(txn.put(Table::message_by,
                      "r" + store.index_key("recipient", a.key()) +
                          be64(static_cast<std::uint64_t>(record.received_ms)) + record.id,
                      ""));
    return documents_ ? documents_->owe(txn, record.id) : Status(Done{});
}

Plan InboundTaking::refused()
{
    auto reason = opened_.overall();
    auto sender = opened_.verified && opened_.from ? opened_.from->text() : "";
    bool discard = t_.site.settings->policy_untrusted == "discard" && opened_.verified && !others_ &&
                   (reason == Reason::untrusted || reason == Reason::no_path);
    std::vector<AuditEntry> entries;
    for (const auto& v : opened_.verdicts)
        entries.push_back(audit_of(t_.facts, "message-in", v, sender, opened_.message_id));
    // Whoever has proved nothing leaves nothing to be found by a Message-ID of his choice.
    const bool noted = opened_.verified && opened_.from && !is_temporary(reason) && !wishes_.is_notice;
    const std::span told(opened_.verdicts.data(),
                         noted ? std::min(opened_.verdicts.size(), refused_noted_max) : 0);
    const auto beside = told.size() * (refused_note_bytes + opened_.message_id.size() + 3 * sender.size());
    bool singly = true;
    auto written = t_.house.store.write([&](WriteTxn& txn) -> Status {
        TRY(singly, append_refusal(txn, t_.house, t_.facts, entries, beside));
        return singly ? note_refused(txn, t_.house, t_.facts, told, sender, opened_.message_id)
                      : Status(Done{});
    });
    if (!written) return plan_for(written.error());
    tell_counted(singly);
    for (const auto& v : opened_.verdicts) log_decision(t_.facts, v, sender);
    Plan plan;
    if (discard)
        plan.verdict = Plan::Verdict::discard;
    else
        plan.refuse(answer_for(reason, opened_.verified, t_.site.settings->newuser_help_url));
    return plan;
}

/// The store has it. Recipients in no domain of ours keep the original bytes: for them it stays ciphertext.
Plan InboundTaking::taken() const
{
    return ours_leave(t_.recipients);
}

}  // namespace

Plan take_inbound(Taking taking)
{
    return InboundTaking(std::move(taking)).run();
}

}  // namespace direct
