// Taking one submitted message: sealed in place when that is its only leg, every further leg an outbox entry
// in the same transaction; who could not be served is told to the submitter.
#include <syslog.h>

#include <algorithm>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/mime/wrap.h"
#include "milter/notify/dsn.h"
#include "milter/notify/once.h"
#include "milter/notify/report_reader.h"
#include "milter/sta/outbound.h"

namespace direct {
namespace {

class OutboundTaking {
public:
    OutboundTaking(Taking taking, const Address& from) : t_(std::move(taking)), from_(from) {}
    Plan run();

private:
    bool sort_recipients();
    std::optional<Plan> pass_encrypted();
    Status take();
    Status hide_newuser_line();
    Status read_newuser();
    Result<PreparedPickup> prepare_one(RecipientVerdict& verdict, NewuserLine line);
    Status prepare_sealed_leg(const SealedLeg& leg);
    Status prepare_clear_leg();
    Status prepare_failure_report();
    Status commit();
    Status write(WriteTxn& txn);
    Status forget_failed(WriteTxn& txn, const Address& recipient);
    Status note_all(WriteTxn& txn);
    WatchRecord watch_for(const Address& recipient) const;
    Plan refused();
    Plan taken();
    std::vector<std::string> with_reason(Reason reason) const;

    Taking t_;
    Address from_;
    std::vector<Address> outside_, local_, newuser_;
    SealedMail sealed_;
    std::string content_sha_, submitted_id_;
    std::string once_id_;                 // the Message-ID, or what stands for it in rows against repeats
    std::string for_others_;              // set when newuser stands among the recipients: without its line
    std::vector<PreparedEntry> entries_;  // further legs and the failure report
    /// What the store must not make twice for a repeat.
    struct Owed {
        Address recipient;
        const char* kind;
        std::size_t entry;
    };
    std::vector<Owed> owed_;
    std::vector<PreparedPickup> pickups_;
    LegRecord clear_leg_;  // how the clear leg is followed
    NoticeWishes wishes_;  // whether notifications are waited for
};

Plan OutboundTaking::run()
{
    count(Metric::messages_outbound_total);
    if (!sort_recipients())
        return refuse_message(t_.house, t_.facts, t_.recipients, Reason::malformed,
                              "a recipient cannot be read as an address", true);
    if (auto passed = pass_encrypted()) return std::move(*passed);
    content_sha_ = sha256(t_.message);
    wishes_ = wishes_of(t_.site, t_.message, t_.facts.envelope_from);
    if (auto done = hide_newuser_line(); !done)
        return refuse_message(t_.house, t_.facts, t_.recipients, done.error().reason, done.error().why, true);
    const auto& visible = for_others_.empty() ? t_.message : for_others_;
    const auto made_id = made_message_id(t_.house.store, from_, t_.recipients, once_id_, content_sha_);
    sealed_ = seal_outbound(
        t_.site, t_.house.engine,
        {visible, from_, outside_, local_, t_.facts.now, is_small_notice(visible, t_.site.mime_limits()),
         [this](SealedLeg&& leg) { return prepare_sealed_leg(leg); }, &t_.looked_up, made_id});
    // Nothing was sealed, so nobody gave it a new one: audit and report name the submitted message.
    if (sealed_.message_id.empty()) sealed_.message_id = submitted_id_;
    if (sealed_.any_temporary()) return refused();
    if (sealed_.leg && !outer_of(*sealed_.leg)) return Plan();  // tempfail: never seen, and never clear
    if (auto done = take(); !done) {
        LogLine(LOG_WARNING, t_.facts.queue_id, "store").with("what", done.error().why);
        return plan_for(done.error(), t_.site.settings->newuser_help_url);
    }
    if (!sealed_.any_good()) return refused();
    return taken();
}

/// When newuser stands among the recipients, everybody else gets the message without its line.
Status OutboundTaking::hide_newuser_line()
{
    TRY(auto entity, read_entity(t_.message, t_.site.mime_limits()));
    if (!newuser_.empty() && is_cms(entity.content_type))
        return fail(refuse(Reason::already_encrypted, "the submitted message is already encrypted"));
    submitted_id_ = message_id(entity.headers);
    // A client's repeat cannot be told from a second message then: better two than none.
    once_id_ = once_id_of(t_.site, t_.message, submitted_id_, hex(new_id()));
    if (newuser_.empty()) return Done{};
    TRY(for_others_, without_line(t_.site, t_.message, read_line(t_.site, t_.message)));
    return Done{};
}

bool OutboundTaking::sort_recipients()
{
    for (const auto& r : t_.recipients) {
        if (!r.address) return false;
        auto& list = r.newuser ? newuser_ : r.ours ? local_ : outside_;
        if (std::find(list.begin(), list.end(), *r.address) == list.end()) list.push_back(*r.address);
    }
    return true;
}

/// outbound.pass_encrypted: somebody else's sealing goes on untouched, on the site's own word.
std::optional<Plan> OutboundTaking::pass_encrypted()
{
    if (!t_.site.settings->outbound_pass_encrypted || !local_.empty() || !newuser_.empty())
        return std::nullopt;
    auto entity = read_entity(t_.message, t_.site.mime_limits());
    if (!entity || !is_cms(entity->content_type)) return std::nullopt;
    auto der = decode_body(*entity);
    auto kind = der ? cms_kind(*der) : Result<std::string>(fail(der.error()));
    if (!kind || (*kind != "enveloped" && *kind != "auth-enveloped")) return std::nullopt;
    auto written = t_.house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& a : outside_)
            CHECK(append_audit(
                txn, t_.house.store,
                audit_of(t_.facts, "message-out",
                         {a, Reason::untouched, {"already encrypted, outbound.pass_encrypted"}, {}},
                         from_.text(), message_id(entity->headers))));
        return note_untouched(txn, t_.house, t_.facts, t_.recipients, from_.text(),
                              message_id(entity->headers));
    });
    if (!written) return plan_for(written.error());
    Plan plan;
    plan.verdict = Plan::Verdict::accept;
    return plan;
}

Status OutboundTaking::take()
{
    CHECK(read_newuser());
    if (!sealed_.any_good()) return Done{};
    CHECK(prepare_clear_leg());
    CHECK(prepare_failure_report());
    auto done = commit();
    if (done || !is_newuser_refusal(done.error())) return done;
    // The quota is counted inside the transaction. Newuser leaves; the others, if any, are served.
    for (auto& v : sealed_.verdicts)
        if (v.reason == Reason::held) v.reason = done.error().reason;
    pickups_.clear();
    if (!sealed_.any_good()) return Done{};
    CHECK(prepare_failure_report());
    return commit();
}

/// A user of ours writes to newuser@: the login stands for the signature.
Status OutboundTaking::read_newuser()
{
    for (const auto& a : newuser_) {
        RecipientVerdict verdict{a, Reason::temporary, {}, {}};
        auto line = read_line(t_.site, t_.message);
        auto pickup =
            line ? prepare_one(verdict, std::move(*line)) : Result<PreparedPickup>(fail(line.error()));
        if (!pickup && !is_newuser_refusal(pickup.error())) return fail(pickup.error());
        verdict.reason = pickup ? Reason::held : pickup.error().reason;
        if (pickup)
            pickups_.push_back(std::move(*pickup));
        else
            verdict.because.push_back(pickup.error().why);
        sealed_.verdicts.push_back(std::move(verdict));
    }
    return Done{};
}

Result<PreparedPickup> OutboundTaking::prepare_one(RecipientVerdict& verdict, NewuserLine line)
{
    verdict.because.insert(verdict.because.end(), line.warnings.begin(), line.warnings.end());
    const auto* domain = t_.site.domain_of(from_);
    PickupSource source{t_.message,     true,         from_.text(), domain ? domain->organisation : "",
                        sealed_.signer, submitted_id_};
    TRY(auto pickup, prepare_pickup(t_, source, verdict.recipient, std::move(line)));
    pickup.held.record.wants_notices = wishes_.notices;
    pickup.held.record.once_key =
        once_key(t_.house.store, "held", once_id_, from_.text(), verdict.recipient.text(), content_sha_);
    return pickup;
}

std::vector<std::string> OutboundTaking::with_reason(Reason reason) const
{
    std::vector<std::string> out;
    for (const auto& v : sealed_.verdicts)
        if (v.reason == reason) out.push_back(v.recipient.text());
    return out;
}

/// A further envelope, as soon as it is made: into the store's content, out of memory. Its envelope sender is the message's own:
/// a bounce comes where that of the leg in place does, and nowhere for a notice.
Status OutboundTaking::prepare_sealed_leg(const SealedLeg& leg)
{
    std::vector<std::string> to;
    for (const auto& a : leg.recipients) to.push_back(a.text());
    TRY(auto entry, prepare_entry(t_.house.store, t_.facts, "sealed-leg", t_.facts.return_path(),
                                  hex(new_id()), "FAILURE", to, leg.message()));
    entries_.push_back(std::move(entry));
    for (const auto& a : leg.recipients) owed_.push_back({a, "leg", entries_.size() - 1});
    return Done{};
}

Status OutboundTaking::prepare_clear_leg()
{
    auto to = with_reason(Reason::clear_local);
    if (to.empty()) return Done{};
    const auto& visible = for_others_.empty() ? t_.message : for_others_;
    TRY(auto clear, deliverable(visible, t_.site.authserv_id, {"X-Direct-Trust: pass; local\r\n"}, "",
                                t_.site.mime_limits()));
    clear_leg_ = followed_leg(t_, wishes_);
    clear_leg_.original_message_id = sealed_.message_id;
    clear_leg_.sender = from_.text();
    clear_leg_.digest = content_sha_;
    clear_leg_.once_id = once_id_;
    auto token = hex(clear_leg_.envelope_id);
    TRY(auto entry, prepare_entry(t_.house.store, t_.facts, "clear-leg",
                                  "direct-dsn+" + token + "@" + t_.site.report_domain(), token,
                                  "SUCCESS,FAILURE", to, clear));
    entries_.push_back(std::move(entry));
    for (const auto& v : sealed_.verdicts)
        if (v.reason == Reason::clear_local) owed_.push_back({v.recipient, "leg", entries_.size() - 1});
    return Done{};
}

Status OutboundTaking::prepare_failure_report()
{
    FailureReport report{from_,       "postmaster@" + from_.domain, t_.site.host, sealed_.message_id, {},
                         t_.facts.now};
    for (const auto& v : sealed_.verdicts)
        if (is_refusal(v.reason)) report.failed.push_back({v.recipient, v.reason});
    if (report.failed.empty()) return Done{};
    const auto* domain = t_.site.domain_of(from_);
    const auto words = t_.house.texts()->failure(domain ? domain->language : "en", report);
    TRY(auto entry, prepare_entry(t_.house.store, t_.facts, "failure-dsn", "", hex(new_id()), "NEVER",
                                  {from_.text()}, make_failure_dsn(report, words)));
    entries_.push_back(std::move(entry));
    std::erase_if(owed_, [](const Owed& o) { return std::string_view(o.kind) == "failure-dsn"; });
    // One row for each who failed: another one failing on a later try is told of as well.
    for (const auto& f : report.failed) owed_.push_back({f.address, "failure-dsn", entries_.size() - 1});
    return Done{};
}

Status OutboundTaking::commit()
{
    CHECK(t_.house.store.write([&](WriteTxn& txn) { return write(txn); }));
    for (auto& e : entries_) e.content->keep();
    for (auto& p : pickups_) p.keep();
    for (const auto& v : sealed_.verdicts) log_decision(t_.facts, v, from_.text());
    t_.house.wake();
    return Done{};
}

// May run more than once: nothing outside the transaction changes here. The leg that goes through Postfix in
// place is never suppressed: a repeat may mean that the first copy was never queued (decision 14).
Status OutboundTaking::write(WriteTxn& txn)
{
    auto& store = t_.house.store;
    std::vector<std::vector<std::string>> fresh(entries_.size());
    for (const auto& o : owed_) {
        if (entries_[o.entry].entry.kind == "sealed-leg") CHECK(forget_failed(txn, o.recipient));
        TRY(bool first,
            first_time(txn, store, o.kind, once_id_, from_.text(), o.recipient, content_sha_, t_.facts.now));
        auto& to = fresh[o.entry];
        if (entries_[o.entry].entry.kind != "failure-dsn") {
            if (first) to.push_back(o.recipient.text());
        } else if (first && to.empty()) {
            to.push_back(from_.text());
        }
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (fresh[i].empty()) continue;
        auto entry = entries_[i].entry;
        entry.recipients = fresh[i];
        CHECK(entries_[i].content->attach(txn));
        CHECK(owe(txn, entry));
        if (entry.kind == "clear-leg") {
            auto followed = clear_leg_;
            followed.waiting = entry.recipients;
            CHECK(keep_leg(txn, followed));
        } else if (entry.kind == "sealed-leg" && wishes_.reports) {
            CHECK(
                keep_leg(txn, reported_leg(entry, from_.text(), sealed_.message_id, once_id_, content_sha_)));
        }
    }
    for (const auto& p : pickups_) {
        TRY(bool first,
            first_time(txn, store, "held", once_id_, from_.text(), p.recipient, content_sha_, t_.facts.now));
        if (!first) continue;
        CHECK(write_pickup(txn, t_.house, t_.site, t_.facts, p));
        CHECK(owe_held_notices(txn, t_.house, t_.facts, wishes_, p));
    }
    for (const auto& v : sealed_.verdicts) {
        CHECK(
            append_audit(txn, store, audit_of(t_.facts, "message-out", v, from_.text(), sealed_.message_id)));
    }
    return note_all(txn);
}

/// Who has to answer is waited for; what became of the others stands beside it. Nobody asks for a notice.
Status OutboundTaking::note_all(WriteTxn& txn)
{
    for (const auto& v : sealed_.verdicts) {
        if (v.reason == Reason::sealed && wishes_.notices) {
            CHECK(begin_watch(txn, t_.house.store, watch_for(v.recipient)));
            continue;
        }
        const auto row = recipient_row(t_.facts, v, from_.text(), sealed_.message_id);
        if (row && !wishes_.is_notice) CHECK(note_recipient(txn, t_.house.store, *row));
    }
    return Done{};
}

/// The submitter has heard that it failed or that nobody answered: the same message is a new try, not a repeat.
Status OutboundTaking::forget_failed(WriteTxn& txn, const Address& recipient)
{
    auto& store = t_.house.store;
    TRY(const auto watches, watches_for(txn, store, sealed_.message_id, recipient));
    const auto failed = [&](const WatchRecord& w) {
        return w.sender == from_.text() && (w.state == "overdue" || w.state == "failed");
    };
    if (std::none_of(watches.begin(), watches.end(), failed)) return Done{};
    CHECK(txn.erase(Table::idempotency,
                    once_key(store, "leg", once_id_, from_.text(), recipient.text(), content_sha_)));
    return Done{};
}

/// Who must answer by when, in the transaction that takes the message (F8, F14).
WatchRecord OutboundTaking::watch_for(const Address& recipient) const
{
    const auto& settings = *t_.site.settings;
    WatchRecord w;
    w.message_id = sealed_.message_id;
    w.sender = from_.text();
    w.return_path = t_.facts.return_path();
    w.recipient = recipient.text();
    w.queue_id = t_.facts.queue_id;
    for (const auto& o : owed_)
        if (o.recipient == recipient && entries_[o.entry].entry.kind == "sealed-leg")
            w.envelope_id = entries_[o.entry].entry.envelope_id;
    w.wants_final = wishes_.final;
    w.sent_ms = t_.facts.now.time_since_epoch().count();
    w.processed_by_ms = w.sent_ms + settings.notify_processed_within.count();
    w.dispatched_by_ms = w.sent_ms + settings.notify_dispatched_within.count();
    return w;
}

Plan OutboundTaking::refused()
{
    auto written = t_.house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& v : sealed_.verdicts)
            CHECK(append_audit(txn, t_.house.store,
                               audit_of(t_.facts, "message-out", v, from_.text(), sealed_.message_id)));
        // Mail that may be taken in a minute is not known yet.
        return sealed_.any_temporary() ? Status(Done{}) : note_all(txn);
    });
    if (!written) return plan_for(written.error());
    for (const auto& v : sealed_.verdicts) log_decision(t_.facts, v, from_.text());
    Plan plan;
    plan.refuse(answer_for(sealed_.overall(), true, t_.site.settings->newuser_help_url));
    return plan;
}

Plan OutboundTaking::taken()
{
    Plan plan;
    if (!sealed_.leg) {
        plan.verdict = Plan::Verdict::discard;  // every leg is in the outbox
        return plan;
    }
    auto& leg = *sealed_.leg;
    for (const auto& r : t_.recipients)
        if (std::find(leg.recipients.begin(), leg.recipients.end(), *r.address) == leg.recipients.end())
            plan.drop_recipients.push_back(r.path);
    replace_header(plan, t_.seen, leg);
    plan.body = std::move(leg.body.body);
    plan.verdict = Plan::Verdict::accept;
    return plan;
}

}  // namespace

Plan take_outbound(Taking taking, const Address& from)
{
    return OutboundTaking(std::move(taking), from).run();
}

}  // namespace direct
