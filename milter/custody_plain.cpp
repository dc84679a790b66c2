// Taking mail that is not S/MIME. Nothing was decrypted, so nothing here is secret: what is guarded is that
// plain mail reaches a Direct mailbox only where the site has said so, and is marked there.
#include <syslog.h>

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/mime/wrap.h"
#include "milter/notify/dsn.h"
#include "milter/notify/report_reader.h"

namespace direct {
namespace {

/// What a notice that nobody has signed says: a hint for the administrator who looks for a message, believed by nothing
/// (F16). "" for ordinary mail.
std::string unsigned_claim(const Entity& entity, const MimeLimits& limits)
{
    constexpr std::size_t recipients_told = 10;
    const auto told = [](const std::string& id, const std::string& what, const std::optional<Address>& who) {
        return "; unsigned notice, not believed: " + what + (who ? " of " + who->text() : "") + " about " +
               id;
    };
    const auto kind = notice_kind(entity, limits);
    std::string out;
    if (kind == NoticeKind::disposition) {
        if (auto n = read_disposition_notice(entity, limits); n && !n->original_message_id.empty())
            out = told(n->original_message_id, n->disposition, n->final_recipient);
    } else if (kind == NoticeKind::delivery) {
        auto n = read_delivery_notice(entity, limits);
        if (!n || n->original_message_id.empty()) return out;
        for (std::size_t i = 0; i < std::min(n->recipients.size(), recipients_told); ++i)
            out += told(n->original_message_id, n->recipients[i].action, n->recipients[i].final_recipient);
    }
    return out;
}

class PlainTaking {
public:
    PlainTaking(Taking& taking, std::vector<RecipientVerdict> verdicts, bool others)
        : t_(taking), verdicts_(std::move(verdicts)), others_(others)
    {
    }
    Plan run();

private:
    void judge();
    bool any(Reason reason) const;
    bool may_split() const;
    Status prepare_leg();
    Status prepare_report();
    Status commit();
    Status write(WriteTxn& txn);
    Plan refused();
    Plan marked_in_place() const;
    Plan split() const;

    Taking& t_;
    std::vector<RecipientVerdict> verdicts_;
    bool others_;
    std::optional<Address> submitter_;
    std::string
        sender_;  // in rows against repeats: the envelope sender, of a submission as its reports are addressed
    bool reports_ = false;  // what our own MTA refuses is told to the submitter
    std::string message_id_, content_sha_;
    std::string once_id_;  // the Message-ID, or what stands for it in rows against repeats
    std::string hint_;     // for audit: what an unsigned notice claims
    bool refused_whole_ = false;
    bool singly_ = true;  // audit tells of the refusal by itself, not by a count
    std::optional<PreparedEntry> leg_, report_;
};

Plan PlainTaking::run()
{
    judge();
    if (any(Reason::not_encrypted) && !may_split()) return refused();
    bool in_place = !others_ && !any(Reason::not_encrypted);
    Status done = Done{};
    if (!in_place && any(Reason::untouched)) done = prepare_leg();
    if (done && any(Reason::not_encrypted)) done = prepare_report();
    if (done) done = commit();
    if (!done) {
        LogLine(LOG_WARNING, t_.facts.queue_id, "store").with("what", done.error().why);
        return plan_for(done.error());
    }
    return in_place ? marked_in_place() : split();
}

void PlainTaking::judge()
{
    if (auto parsed = parse_path(t_.facts.envelope_from); parsed && *parsed) submitter_ = **parsed;
    sender_ = t_.plain_submission && submitter_ ? submitter_->text() : t_.facts.envelope_from;
    // A stranger's envelope sender is proved by nobody: no report goes there.
    reports_ =
        t_.plain_submission && submitter_ && wishes_of(t_.site, t_.message, t_.facts.envelope_from).reports;
    if (auto entity = read_entity(t_.message, t_.site.mime_limits())) {
        message_id_ = message_id(entity->headers);
        hint_ = unsigned_claim(*entity, t_.site.mime_limits());
    }
    content_sha_ = sha256(t_.message);
    // As of sealed mail: a submission is one of its own, what arrives again byte for byte is a mail server's repeat.
    once_id_ =
        once_id_of(t_.site, t_.message, message_id_, hex(t_.plain_submission ? new_id() : content_sha_));
    for (auto& v : verdicts_) {
        if (t_.site.is_newuser(v.recipient) || t_.site.domain_of(v.recipient)->plain != "pass") continue;
        v.reason = Reason::untouched;
        v.because.push_back("plain mail passed by domain.plain");
    }
}

bool PlainTaking::any(Reason reason) const
{
    for (const auto& v : verdicts_)
        if (v.reason == reason) return true;
    return false;
}

/// A stranger whose mail is refused for one recipient hears it in the SMTP reply, for the whole message: a
/// report would go to an address that nobody has proved. A user of ours has logged in.
bool PlainTaking::may_split() const
{
    return t_.plain_submission && submitter_ && (others_ || any(Reason::untouched));
}

Status PlainTaking::prepare_leg()
{
    // Which Authentication-Results are ours is a matter of spelling: in marked mail none of them survives.
    TRY(auto marked, deliverable(t_.message, "", {"X-Direct-Trust: none\r\n"}, "", t_.site.mime_limits()));
    std::vector<std::string> to;
    for (const auto& v : verdicts_)
        if (v.reason == Reason::untouched) to.push_back(v.recipient.text());
    TRY(leg_, prepare_entry(t_.house.store, t_.facts, "plain-leg", submitter_ ? submitter_->text() : "",
                            hex(new_id()), submitter_ ? "FAILURE" : "NEVER", to, marked));
    return Done{};
}

Status PlainTaking::prepare_report()
{
    FailureReport report{*submitter_, "", t_.site.host, message_id_, {}, t_.facts.now};
    for (const auto& v : verdicts_) {
        if (v.reason != Reason::not_encrypted) continue;
        report.postmaster = "postmaster@" + v.recipient.domain;
        report.failed.push_back({v.recipient, v.reason});
    }
    // The domain that refuses is ours; that of the login may be none.
    const auto* domain = t_.site.domain_of(report.failed.front().address);
    const auto words = t_.house.texts()->failure(domain ? domain->language : "en", report);
    TRY(report_, prepare_entry(t_.house.store, t_.facts, "failure-dsn", "", hex(new_id()), "NEVER",
                               {submitter_->text()}, make_failure_dsn(report, words)));
    return Done{};
}

Status PlainTaking::commit()
{
    CHECK(t_.house.store.write([&](WriteTxn& txn) { return write(txn); }));
    if (leg_) leg_->content->keep();
    if (report_) report_->content->keep();
    tell_counted(singly_);
    for (const auto& v : verdicts_) log_decision(t_.facts, v, t_.facts.envelope_from);
    if (leg_ || report_) t_.house.wake();
    return Done{};
}

// May run more than once: nothing outside the transaction changes here.
Status PlainTaking::write(WriteTxn& txn)
{
    auto& store = t_.house.store;
    std::vector<std::string> fresh;
    std::vector<AuditEntry> refusals;
    bool tell = false;
    for (const auto& v : verdicts_) {
        auto entry = audit_of(t_.facts, "message-in", v, t_.facts.envelope_from, message_id_);
        entry.detail += hint_;
        keep_small(entry);
        if (refused_whole_ && !t_.plain_submission) {
            refusals.push_back(std::move(entry));
            continue;
        }
        CHECK(append_audit(txn, store, std::move(entry)));
        if (t_.plain_submission && submitter_)
            if (const auto row = recipient_row(t_.facts, v, submitter_->text(), message_id_))
                CHECK(note_recipient(txn, store, *row));
        bool leg = leg_ && v.reason == Reason::untouched;
        bool report = report_ && v.reason == Reason::not_encrypted;
        if (!leg && !report) continue;
        TRY(bool first, first_time(txn, store, leg ? "leg" : "failure-dsn", once_id_, sender_, v.recipient,
                                   content_sha_, t_.facts.now));
        if (first && leg) fresh.push_back(v.recipient.text());
        tell |= first && report;
    }
    if (!refusals.empty()) {
        TRY(singly_, append_refusal(txn, t_.house, t_.facts, std::move(refusals)));
    }
    if (t_.plain_submission && submitter_)
        CHECK(note_untouched(txn, t_.house, t_.facts, t_.recipients, submitter_->text(), message_id_));
    if (!fresh.empty()) {
        auto entry = leg_->entry;
        entry.recipients = fresh;
        CHECK(leg_->content->attach(txn));
        CHECK(owe(txn, entry));
        if (reports_) CHECK(keep_leg(txn, reported_leg(entry, sender_, message_id_, once_id_, content_sha_)));
    }
    return tell ? report_->write(txn) : Status(Done{});
}

Plan PlainTaking::refused()
{
    leg_.reset();
    report_.reset();
    refused_whole_ = true;
    if (auto done = commit(); !done) return plan_for(done.error());
    Plan plan;
    plan.refuse(answer_for(Reason::not_encrypted, false, t_.site.settings->newuser_help_url));
    return plan;
}

Plan PlainTaking::marked_in_place() const
{
    Plan plan;
    plan.verdict = Plan::Verdict::accept;
    for (const auto& [name, number] : t_.seen) {
        auto lower = ascii_lower(name);
        // Marks of ours on arriving mail are forged by definition (O8).
        if (lower.starts_with("x-direct-") || lower == "authentication-results")
            plan.remove_headers.emplace_back(name, number);
    }
    plan.add_headers.emplace_back("X-Direct-Trust", "none");
    return plan;
}

/// Recipients of ours leave the envelope; what they get is in the outbox. Everybody else's copy stays as it is.
Plan PlainTaking::split() const
{
    return ours_leave(t_.recipients);
}

}  // namespace

Plan take_plain(Taking& taking, std::vector<RecipientVerdict> verdicts, bool others)
{
    return PlainTaking(taking, std::move(verdicts), others).run();
}

}  // namespace direct
