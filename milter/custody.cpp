// Refusing a whole message, and taking the MTA's own reports.
#include "milter/custody.h"

#include <syslog.h>

#include <algorithm>

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
    keep_small(e);
    return e;
}

/// The token of direct-dsn+TOKEN@... or notice+TOKEN@...
std::string token_in(const Recipient& r)
{
    if (!r.address) return "";
    auto plus = r.address->local.find('+');
    return plus == std::string::npos ? "" : r.address->local.substr(plus + 1);
}

/// The address that Postfix's copies of its bounces come to (conf/postfix/master.cf).
constexpr std::string_view bounced = "bounced";

/// Did this machine's MTA make it? What came from outside, or was handed to Postfix by a program here, carries the trace of
/// that: each listener puts a Received field on top that says from where, and the sender cannot take it away. But the report
/// listener's own field is added after we have seen the message: a program here that speaks to 127.0.0.1:10027 itself can
/// forge a copy, when it knows the queue id (from the log), sender and recipient. It makes one overdue report be left out;
/// INSTALL section 6 closes the port to other users.
bool made_by_our_mta(const Entity& entity)
{
    bool any = false;
    for (const auto& field : entity.headers.fields()) {
        if (!equal_ignoring_case(field.name, "Received")) continue;
        any = true;
        const auto value = ascii_lower(field.value);
        for (const char* word : {"from ", "from\t", "from\r", "from\n"})
            if (value.find(word) != std::string::npos) return false;
    }
    return any;
}

/// Postfix has told the sender that his sealed message could not be delivered: we do not tell him again that nobody answered.
/// Copies of other mail's bounces come here too and leave no trace. Words for audit.
Result<std::string> note_bounces(WriteTxn& txn, const House& house, const DeliveryNotice& report, Time now)
{
    std::string told;
    if (!report.postfix_sender) return told;
    for (const auto& r : report.recipients) {
        const auto& who = r.original_recipient ? r.original_recipient : r.final_recipient;
        if (!who || r.action != "failed") continue;
        const OwnBounce bounce{report.original_message_id,
                               report.postfix_queue_id,
                               report.original_envelope_id,
                               *report.postfix_sender,
                               *who,
                               r.status};
        TRY(const bool ours, note_own_bounce(txn, house.store, bounce, now));
        if (ours) told += (told.empty() ? "bounced " : "; bounced ") + who->text() + " " + r.status;
    }
    return told;
}

}  // namespace

std::string Facts::return_path() const
{
    const auto path = parse_path(envelope_from);
    return path && *path ? (*path)->text() : "";
}

Plan refuse_message(House& house, const Facts& facts, const std::vector<Recipient>& recipients, Reason reason,
                    const std::string& because, bool verified)
{
    bool any_ours = false;
    for (const auto& r : recipients) any_ours |= r.ours;
    std::vector<AuditEntry> entries;
    for (const auto& r : recipients)
        if (r.ours || !any_ours)
            entries.push_back(audit_of_path(facts, "message-refused", r.address ? r.address->text() : r.path,
                                            token_of(reason), because));
    bool singly = true;
    auto written = house.store.write([&](WriteTxn& txn) -> Status {
        TRY(singly, append_refusal(txn, house, facts, entries));
        return Done{};
    });
    if (!written) return plan_for(written.error());
    tell_counted(singly);
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
    // Only the fields of the report are looked at; it is consumed once what it says is on disk.
    auto entity = read_entity(taking.message, taking.site.mime_limits());
    auto report = entity ? read_delivery_notice(*entity, taking.site.mime_limits())
                         : Result<DeliveryNotice>(fail(entity.error()));
    auto written = taking.house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& r : taking.recipients) {
            if (token_in(r) == bounced) {
                if (!report || !made_by_our_mta(*entity)) continue;
                TRY(const auto told, note_bounces(txn, taking.house, *report, taking.facts.now));
                if (told.empty()) continue;
                auto entry = audit_of_path(taking.facts, "delivery-report", r.address->text(), "failed",
                                           told + " of " + report->original_message_id + ", told by our MTA");
                entry.message_id = report->original_message_id;
                CHECK(append_audit(txn, taking.house.store, std::move(entry)));
                continue;
            }
            std::vector<std::string> told;
            if (report) {
                TRY(told, note_delivery(txn, taking.house.store, token_in(r), *report, taking.facts.now));
            }
            bool failed = report && std::any_of(report->recipients.begin(), report->recipients.end(),
                                                [](const auto& one) { return one.action == "failed"; });
            CHECK(append_audit(txn, taking.house.store,
                               audit_of_path(taking.facts, "delivery-report",
                                             r.address ? r.address->text() : r.path, failed ? "failed" : "ok",
                                             report ? join(told, "; ") : "not a report that can be read")));
        }
        return Done{};
    });
    if (!written) return plan_for(written.error());
    Plan plan;
    plan.verdict = Plan::Verdict::discard;
    taking.house.wake();
    return plan;
}

}  // namespace direct
