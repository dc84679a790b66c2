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
    Status read_newuser();
    Status prepare_legs();
    Status prepare_failure_report();
    Status commit();
    Status write(WriteTxn& txn);
    Plan refused();
    Plan taken();
    void replace_header(Plan& plan, const SealedLeg& leg) const;
    std::vector<std::string> with_reason(Reason reason) const;

    Taking t_;
    Address from_;
    std::vector<Address> outside_, local_, newuser_;
    SealedMail sealed_;
    std::string content_sha_;
    std::vector<PreparedEntry> entries_;  // further legs, in the order of their making
    std::vector<std::pair<Address, std::size_t>>
        owed_;  // recipient -> entries_ index, suppressed on a repeat
    std::vector<PreparedPickup> pickups_;
};

Plan OutboundTaking::run()
{
    count(Metric::messages_outbound_total);
    if (!sort_recipients())
        return refuse_message(t_.house, t_.facts, t_.recipients, Reason::malformed,
                              "a recipient cannot be read as an address", true);
    if (auto passed = pass_encrypted()) return std::move(*passed);
    sealed_ = seal_outbound(t_.site, t_.house.engine, {t_.message, from_, outside_, local_, t_.facts.now});
    if (sealed_.any_temporary()) return refused();
    if (auto done = take(); !done) {
        LogLine(LOG_WARNING, t_.facts.queue_id, "store").with("what", done.error().why);
        return plan_for(done.error(), t_.site.settings->newuser_help_url);
    }
    if (!sealed_.any_good()) return refused();
    return taken();
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
                         from_.text(), "")));
        return Done{};
    });
    if (!written) return plan_for(written.error());
    Plan plan;
    plan.verdict = Plan::Verdict::accept;
    return plan;
}

Status OutboundTaking::take()
{
    content_sha_ = sha256(t_.message);
    CHECK(read_newuser());
    if (!sealed_.any_good()) return Done{};
    CHECK(prepare_legs());
    CHECK(prepare_failure_report());
    return commit();
}

/// A user of ours writes to newuser@: the login stands for the signature.
Status OutboundTaking::read_newuser()
{
    for (const auto& a : newuser_) {
        RecipientVerdict verdict{a, Reason::temporary, {}, {}};
        auto line = read_line(t_.site, t_.message);
        if (!line) {
            verdict.reason = line.error().reason;
            verdict.because.push_back(line.error().why);
        } else {
            const auto* domain = t_.site.domain_of(from_);
            PickupSource source{t_.message,     true,
                                from_.text(),   domain ? domain->organisation : "",
                                sealed_.signer, sealed_.message_id};
            TRY(auto entity, read_entity(t_.message, t_.site.mime_limits()));
            source.message_id = message_id(entity.headers);
            TRY(auto pickup, prepare_pickup(t_, source, a, std::move(*line)));
            pickups_.push_back(std::move(pickup));
            verdict.reason = Reason::held;
        }
        sealed_.verdicts.push_back(std::move(verdict));
    }
    return Done{};
}

std::vector<std::string> OutboundTaking::with_reason(Reason reason) const
{
    std::vector<std::string> out;
    for (const auto& v : sealed_.verdicts)
        if (v.reason == reason) out.push_back(v.recipient.text());
    return out;
}

Status OutboundTaking::prepare_legs()
{
    auto& store = t_.house.store;
    for (std::size_t i = 1; i < sealed_.legs.size(); ++i) {
        std::vector<std::string> to;
        for (const auto& a : sealed_.legs[i].recipients) to.push_back(a.text());
        TRY(auto entry, prepare_entry(store, t_.facts, "sealed-leg", from_.text(), hex(new_id()), "FAILURE",
                                      to, sealed_.legs[i].message()));
        entries_.push_back(std::move(entry));
        for (const auto& a : sealed_.legs[i].recipients) owed_.emplace_back(a, entries_.size() - 1);
    }
    if (auto to = with_reason(Reason::clear_local); !to.empty()) {
        std::vector<std::string> marks{"X-Direct-Trust: pass; local\r\n"};
        TRY(auto clear, deliverable(sealed_.clear, t_.site.authserv_id, marks, "", t_.site.mime_limits()));
        auto token = hex(new_id());
        TRY(auto entry,
            prepare_entry(store, t_.facts, "clear-leg", "direct-dsn+" + token + "@" + t_.site.report_domain(),
                          token, "SUCCESS,FAILURE", to, clear));
        entries_.push_back(std::move(entry));
        for (const auto& v : sealed_.verdicts)
            if (v.reason == Reason::clear_local) owed_.emplace_back(v.recipient, entries_.size() - 1);
    }
    return Done{};
}

Status OutboundTaking::prepare_failure_report()
{
    FailureReport report{from_,       "postmaster@" + from_.domain, t_.site.host, sealed_.message_id, {},
                         t_.facts.now};
    for (const auto& v : sealed_.verdicts)
        if (is_refusal(v.reason)) report.failed.push_back({v.recipient, v.reason});
    if (report.failed.empty()) return Done{};
    TRY(auto entry, prepare_entry(t_.house.store, t_.facts, "failure-dsn", "", hex(new_id()), "NEVER",
                                  {from_.text()}, make_failure_dsn(report)));
    entries_.push_back(std::move(entry));
    owed_.emplace_back(Address{"failure-dsn", from_.domain}, entries_.size() - 1);
    return Done{};
}

Status OutboundTaking::commit()
{
    Timed timed(Metric::commit_seconds);
    CHECK(t_.house.store.write([&](WriteTxn& txn) { return write(txn); }));
    for (auto& e : entries_) e.content->keep();
    for (auto& p : pickups_) {
        p.held.content->keep();
        p.notice->content->keep();
    }
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
    for (const auto& [recipient, index] : owed_) {
        TRY(bool first,
            first_time(txn, store, sealed_.message_id, from_.text(), recipient, content_sha_, t_.facts.now));
        if (!first) continue;
        fresh[index].push_back(entries_[index].entry.kind == "failure-dsn" ? from_.text() : recipient.text());
    }
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (fresh[i].empty()) continue;
        auto entry = entries_[i].entry;
        entry.recipients = fresh[i];
        CHECK(entries_[i].content->attach(txn));
        CHECK(owe(txn, entry));
    }
    for (const auto& p : pickups_) {
        TRY(bool first, first_time(txn, store, p.held.record.message_id, from_.text(), p.recipient,
                                   content_sha_, t_.facts.now));
        if (first) CHECK(write_pickup(txn, t_.house, t_.site, t_.facts, p));
    }
    for (const auto& v : sealed_.verdicts)
        CHECK(
            append_audit(txn, store, audit_of(t_.facts, "message-out", v, from_.text(), sealed_.message_id)));
    return Done{};
}

Plan OutboundTaking::refused()
{
    auto written = t_.house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& v : sealed_.verdicts)
            CHECK(append_audit(txn, t_.house.store,
                               audit_of(t_.facts, "message-out", v, from_.text(), sealed_.message_id)));
        return Done{};
    });
    if (!written) return plan_for(written.error());
    for (const auto& v : sealed_.verdicts) log_decision(t_.facts, v, from_.text());
    Plan plan;
    plan.refuse(answer_for(sealed_.overall(), true, t_.site.settings->newuser_help_url));
    return plan;
}

/// Everything the submitter wrote into the header goes, what may stand outside comes (B8).
void OutboundTaking::replace_header(Plan& plan, const SealedLeg& leg) const
{
    plan.remove_headers = t_.seen;
    auto outer = read_entity(leg.outer, {});
    for (const auto& field : outer->headers.fields()) {
        std::string value;
        for (char c : field.value)
            if (c != '\r') value += c;
        plan.add_headers.emplace_back(field.name, std::string(trim(value)));
    }
    for (const auto& [name, value] : leg.body.headers) {
        std::string text;
        for (char c : value)
            if (c != '\r') text += c;
        plan.add_headers.emplace_back(name, text);
    }
}

Plan OutboundTaking::taken()
{
    Plan plan;
    if (sealed_.legs.empty()) {
        plan.verdict = Plan::Verdict::discard;  // every leg is in the outbox
        return plan;
    }
    auto& leg = sealed_.legs.front();
    if (!read_entity(leg.outer, {})) return plan;  // tempfail: never seen, and never clear
    for (const auto& r : t_.recipients)
        if (std::find(leg.recipients.begin(), leg.recipients.end(), *r.address) == leg.recipients.end())
            plan.drop_recipients.push_back(r.path);
    replace_header(plan, leg);
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
