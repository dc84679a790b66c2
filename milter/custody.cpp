// Refusing a whole message, and taking the MTA's own reports.
#include "milter/custody.h"

#include <syslog.h>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"

namespace direct {
namespace {

/// The path as text for audit; what cannot be read stays as it was given (the log escapes it).
AuditEntry audit_of_path(const Facts& facts, const char* event, const std::string& path,
                         std::string_view token, const std::string& because)
{
    AuditEntry e;
    e.at = facts.now;
    e.event = event;
    e.who = facts.login.empty() ? "" : "login " + facts.login;
    e.from_host = facts.client_ip.empty() ? "local" : facts.client_ip;
    e.sender = facts.envelope_from;
    e.recipient = path;
    e.queue_id = facts.queue_id;
    e.token = token;
    e.detail = because;
    return e;
}

}  // namespace

Plan refuse_message(House& house, const Facts& facts, const std::vector<Recipient>& recipients, Reason reason,
                    const std::string& because, bool verified)
{
    bool any_ours = false;
    for (const auto& r : recipients) any_ours |= r.ours;
    auto written = house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& r : recipients)
            if (r.ours || !any_ours)
                CHECK(append_audit(
                    txn, house.store,
                    audit_of_path(facts, "message-refused", r.address ? r.address->text() : r.path,
                                  token_of(reason), because)));
        return Done{};
    });
    if (!written) return plan_for(written.error());
    LogLine(LOG_NOTICE, facts.queue_id, "decision")
        .with("from", facts.envelope_from)
        .with("token", token_of(reason))
        .with("because", because);
    Plan plan;
    plan.refuse(answer_for(reason, verified));
    return plan;
}

Plan take_report(Taking taking)
{
    // Audit keeps which report came for which token and whether it tells of a failure; the report itself is
    // consumed once that is on disk.
    auto lower = ascii_lower(taking.message);
    bool failed = lower.find("\naction: failed") != std::string::npos;
    discard(lower);
    auto written = taking.house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& r : taking.recipients)
            CHECK(append_audit(
                txn, taking.house.store,
                audit_of_path(taking.facts, "delivery-report", r.address ? r.address->text() : r.path,
                              failed ? "failed" : "ok", "")));
        return Done{};
    });
    if (!written) return plan_for(written.error());
    Plan plan;
    plan.verdict = Plan::Verdict::discard;
    return plan;
}

}  // namespace direct
