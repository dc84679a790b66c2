// failure_report.cpp - see failure_report.h.
#include "milter/failure_report.h"

#include <syslog.h>

#include <map>
#include <utility>
#include <vector>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/guarded.h"
#include "milter/house.h"
#include "milter/notify/watch.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::size_t overdue_at_once = 100;

}  // namespace

AuditEntry audit_of_failure(const OwedNotice& about, const std::string& recipient, const char* event,
                            std::string_view token, Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = event;
    e.who = "direct-milter";
    e.sender = about.sender;
    e.recipient = recipient;
    e.message_id = about.original_message_id;
    e.queue_id = about.queue_id;
    e.token = token;
    return e;
}

std::string failure_dsn(const House& house, FailureReport report)
{
    const auto site = house.site();
    const auto* domain = site->domain_of(report.to);
    const bool speaks_for_recipient =
        !domain && !report.failed.empty() && site->domain_of(report.failed.front().address);
    if (speaks_for_recipient) domain = site->domain_of(report.failed.front().address);
    report.reporting_host = site->host;
    report.postmaster = "postmaster@" + (speaks_for_recipient ? domain->name : report.to.domain);
    report.now = house.clock.now();
    return make_failure_dsn(report, house.texts()->failure(domain ? domain->language : "en", report));
}

namespace {

/// One failure report for the recipients of a message whose time is up (F7, F8).
Status tell_group(House& house, const std::vector<WatchRecord>& group)
{
    auto now = house.clock.now();
    auto sender = parse_address(group.front().sender, true, true);
    if (!sender) return fail(temporary("a watched message's sender cannot be read"));
    FailureReport report{*sender, "", "", group.front().message_id, {}, {}};
    std::vector<Reason> reasons;
    for (const auto& w : group) {
        reasons.push_back(w.processed_ms ? Reason::dispatched_overdue : Reason::processed_overdue);
        if (auto recipient = parse_address(w.recipient, true, true))
            report.failed.push_back({*recipient, reasons.back()});
    }
    Facts facts;
    facts.queue_id = group.front().queue_id;
    facts.now = now;
    TRY(auto entry, prepare_entry(house.store, facts, "failure-dsn", "", hex(new_id()), "NEVER",
                                  {group.front().sender}, failure_dsn(house, std::move(report))));
    auto written = house.store.write([&](WriteTxn& txn) -> Status {
        for (std::size_t i = 0; i < group.size(); ++i) {
            TRY(auto reason, close_overdue(txn, house.store, group[i], now));
            if (reason != reasons[i]) return fail(temporary("a notice came at the last moment"));
            const OwedNotice about{.sender = group[i].sender,
                                   .original_message_id = group[i].message_id,
                                   .queue_id = group[i].queue_id};
            CHECK(append_audit(
                txn, house.store,
                audit_of_failure(about, group[i].recipient, "notice-overdue", token_of(*reason), now)));
        }
        return entry.write(txn);
    });
    if (!written) return written;
    entry.content->keep();
    for (std::size_t i = 0; i < group.size(); ++i)
        LogLine(LOG_NOTICE, group[i].queue_id, "notice")
            .with("what", "overdue")
            .with("from", group[i].sender)
            .with("to", group[i].recipient)
            .with("token", token_of(reasons[i]));
    count(Metric::notices_overdue_total, static_cast<std::int64_t>(group.size()));
    if (house.outbox) house.outbox->wake();
    return Done{};
}

}  // namespace

Status tell_overdue(House& house, DamagedRows& damaged)
{
    TRY(auto rows, overdue_watches(house.store, house.clock.now(), overdue_at_once, &damaged));
    std::map<std::pair<std::string, std::string>, std::vector<WatchRecord>> groups;
    for (auto& w : rows) groups[{w.message_id, w.sender}].push_back(std::move(w));
    Status all = Done{};
    for (const auto& [key, group] : groups)
        if (auto done = guarded([&] { return tell_group(house, group); }); !done)
            all = fail(done.error());  // the others do not wait for it
    return all;
}

}  // namespace direct
