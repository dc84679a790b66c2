// notice_maker.cpp - see notice_maker.h.
#include "milter/notice_maker.h"

#include <syslog.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "milter/audit/audit.h"
#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/held_keeper.h"
#include "milter/house.h"
#include "milter/mime/wrap.h"
#include "milter/notify/dsn.h"
#include "milter/notify/mdn.h"
#include "milter/notify/owed_notice.h"
#include "milter/notify/report_reader.h"
#include "milter/notify/retry_pause.h"
#include "milter/notify/watch.h"
#include "milter/sta/outbound.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::size_t notices_at_once = 100;
constexpr std::size_t damage_told_max = 1000;  // rows remembered so that each is logged once
constexpr milliseconds longest_grace = std::chrono::minutes(30);  // within it other servers have tried again
constexpr milliseconds longest_sleep = seconds(60);
using SteadyTime = std::chrono::steady_clock::time_point;

/// A notice signed and sealed, or why not.
struct Made {
    Reason reason = Reason::temporary;
    std::string why;
    std::string message;
};

AuditEntry audit_of_notice(const OwedNotice& n, const char* event, std::string_view token, std::string detail,
                           Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = event;
    e.who = "direct-milter";
    e.sender = n.recipient;
    e.recipient = n.sender;
    e.message_id = n.original_message_id;
    e.queue_id = n.queue_id;
    e.token = token;
    e.detail = n.disposition + (detail.empty() ? "" : "; " + detail);
    return e;
}

/// What a failure report tells of one recipient.
AuditEntry audit_of_failure(const OwedNotice& n, const std::string& recipient, const char* event,
                            std::string_view token, Time now)
{
    AuditEntry e;
    e.at = now;
    e.event = event;
    e.who = "direct-milter";
    e.sender = n.sender;
    e.recipient = recipient;
    e.message_id = n.original_message_id;
    e.queue_id = n.queue_id;
    e.token = token;
    return e;
}

/// In the words and the name of the submitter's domain; of one who is in no domain of ours, in those of the recipient's.
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

Mdn mdn_of(const OwedNotice& n, const Address& from, const Address& to, const House& house, Time now)
{
    const auto site = house.site();
    const auto* domain = site->domain_of(from);
    // Whose domain is ours no more is spoken for in English.
    auto words = house.texts()->disposition(domain ? domain->language : "en",
                                            {n.disposition, n.recipient, n.failure, n.warnings});
    Mdn mdn{from,       to,  n.original_message_id, n.disposition, n.failure, {}, words.text,
            site->host, now, words.subject};
    if (n.final_delivery) mdn.extensions.emplace_back(final_delivery_field, "");
    return mdn;
}

}  // namespace

struct NoticeMaker::State {
    House& house;
    std::mutex passing;
    std::mutex lock;  // guards the rest
    std::condition_variable woken;
    bool awake = false, stopping = false;
    std::thread thread;
    std::set<std::string> damage_told;
    SteadyTime hearing_since = std::chrono::steady_clock::now();  // notices have been coming in since then

    explicit State(House& h) : house(h) {}
    bool must_stop()
    {
        std::lock_guard hold(lock);
        return stopping;
    }
    Made make(const OwedNotice& notice);
    Made make_report(const OwedNotice& report);
    Status settle(const OwedNotice& notice, Made made);
    Status put_off(const OwedNotice& notice, const Made& made);
    Status tell_overdue(DamagedRows& damaged);
    Result<std::size_t> make_due(DamagedRows& damaged);
    Result<bool> one(const OwedNotice& notice);
    Status show_owed();
    void tell_damage(const DamagedRows& damaged);
    Status tell_group(const std::vector<WatchRecord>& group);
    milliseconds silence() const;
    Result<std::size_t> pass(bool overdue_too);
    milliseconds sleep_time();
    void run();
};

/// About recipients whom our own MTA has refused.
Made NoticeMaker::State::make_report(const OwedNotice& report)
{
    const auto reason = reason_of(report.failure).value_or(Reason::handover_refused);
    const auto to = parse_address(report.sender, true);
    if (!to) return {Reason::malformed, "the address of its submitter cannot be read", ""};
    FailureReport about{*to, "", "", report.original_message_id, {}, {}};
    for (const auto& text : report.recipients)
        if (auto recipient = parse_address(text, true))
            about.failed.push_back({*std::move(recipient), reason});
    return {reason, "", failure_dsn(house, std::move(about))};
}

Made NoticeMaker::State::make(const OwedNotice& notice)
{
    if (notice.is_report()) return make_report(notice);
    Made made;
    auto site = house.site();
    auto from = parse_address(notice.recipient, true), to = parse_address(notice.sender, true);
    if (!from || !to) return {Reason::malformed, "an address of it cannot be read", ""};
    bool local = site->domain_of(*to) != nullptr;
    auto now = house.clock.now();
    auto text = make_mdn(mdn_of(notice, *from, *to, house, now));
    OutboundMail mail{text, *from, {}, {}, now, true};
    (local ? mail.local : mail.outside).push_back(*to);
    auto sealed = seal_outbound(*site, house.engine, mail);
    const auto& verdict = sealed.verdicts.front();
    made.reason = verdict.reason;
    made.why = verdict.because.empty() ? "" : verdict.because.back();
    if (sealed.leg) made.message = sealed.leg->message();
    if (made.reason != Reason::clear_local) return made;
    auto clear =
        deliverable(text, site->authserv_id, {"X-Direct-Trust: pass; local\r\n"}, "", site->mime_limits());
    if (clear)
        made.message = std::move(*clear);
    else
        made = {clear.error().reason, clear.error().why, ""};
    return made;
}

/// Made, or never to be made: either way it is owed no more.
Status NoticeMaker::State::settle(const OwedNotice& notice, Made made)
{
    auto now = house.clock.now();
    std::optional<PreparedEntry> entry;
    if (!made.message.empty()) {
        Facts facts;
        facts.queue_id = notice.queue_id;
        facts.now = now;
        TRY(entry, prepare_entry(house.store, facts, notice.is_report() ? "failure-dsn" : "mdn", "",
                                 hex(new_id()), "NEVER", {notice.sender}, made.message));
    }
    auto written = house.store.write([&](WriteTxn& txn) -> Status {
        TRY(bool mine, take_notice(txn, notice));
        if (!mine) return Done{};
        if (entry) CHECK(entry->write(txn));
        for (const auto& r : notice.recipients)
            CHECK(append_audit(txn, house.store,
                               audit_of_failure(notice, r, "leg-refused", token_of(made.reason), now)));
        if (notice.is_report()) return Done{};
        return append_audit(txn, house.store,
                            audit_of_notice(notice, entry ? "notice-made" : "notice-not-made",
                                            token_of(made.reason), made.why, now));
    });
    if (!written) return written;
    if (entry) entry->content->keep();
    LogLine(entry ? LOG_INFO : LOG_WARNING, notice.queue_id, "notice")
        .with("disposition", notice.disposition)
        .with("from", notice.recipient)
        .with("to", notice.sender)
        .with("token", token_of(made.reason));
    count(entry ? Metric::notices_made_total : Metric::notices_not_made_total);
    if (entry && house.outbox) house.outbox->wake();
    return Done{};
}

Status NoticeMaker::State::put_off(const OwedNotice& notice, const Made& made)
{
    auto settings = house.site()->settings;
    auto now = house.clock.now();
    if (notice.tries + 1 >= tries_min &&
        now - Time(milliseconds(notice.created_ms)) >= settings->notify_give_up)
        return settle(notice, {made.reason, "given up: " + made.why, ""});
    const milliseconds pause = retry_pause(notice.tries + 1, *settings);
    LogLine(LOG_WARNING, notice.queue_id, "notice")
        .with("disposition", notice.disposition)
        .with("to", notice.sender)
        .with("what", "later")
        .with("because", made.why);
    return house.store.write([&](WriteTxn& txn) { return put_off_notice(txn, notice, now + pause); });
}

/// One failure report for the recipients of a message whose time is up (F7, F8).
Status NoticeMaker::State::tell_group(const std::vector<WatchRecord>& group)
{
    auto now = house.clock.now();
    auto sender = parse_address(group.front().sender, true);
    if (!sender) return fail(temporary("a watched message's sender cannot be read"));
    FailureReport report{*sender, "", "", group.front().message_id, {}, {}};
    std::vector<Reason> reasons;
    for (const auto& w : group) {
        reasons.push_back(w.processed_ms ? Reason::dispatched_overdue : Reason::processed_overdue);
        if (auto recipient = parse_address(w.recipient, true))
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

/// A border: what one piece of work throws does not end the others, it is tried again.
template <class F>
auto guarded(F work) -> decltype(work())
{
    try {
        return work();
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        return fail(temporary("an exception"));
    }
}

Status NoticeMaker::State::tell_overdue(DamagedRows& damaged)
{
    TRY(auto rows, overdue_watches(house.store, house.clock.now(), notices_at_once, &damaged));
    std::map<std::pair<std::string, std::string>, std::vector<WatchRecord>> groups;
    for (auto& w : rows) groups[{w.message_id, w.sender}].push_back(std::move(w));
    Status all = Done{};
    for (const auto& [key, group] : groups)
        if (auto done = guarded([&] { return tell_group(group); }); !done)
            all = fail(done.error());  // the others do not wait for it
    return all;
}

Status NoticeMaker::State::show_owed()
{
    return house.store.read([](ReadTxn& txn) -> Status {
        TRY(const auto owed, txn.entries(Table::owed_notice));
        set_gauge(Metric::notices_owed, static_cast<std::int64_t>(owed));
        return Done{};
    });
}

/// While the filter was down, or answered 4xx for its clock, the notices that were due have waited in other mail
/// servers. They come in before anything is told overdue.
milliseconds NoticeMaker::State::silence() const
{
    const milliseconds grace =
        std::min<milliseconds>(house.site()->settings->notify_processed_within, longest_grace);
    const auto heard = std::chrono::steady_clock::now() - hearing_since;
    return std::max(std::chrono::ceil<milliseconds>(grace - heard), milliseconds(0));
}

/// Made, put off, or never to be made. True when it is owed no more.
Result<bool> NoticeMaker::State::one(const OwedNotice& notice)
{
    auto done = guarded([&]() -> Result<bool> {
        auto made = make(notice);
        const bool later = is_temporary(made.reason);
        CHECK(later ? put_off(notice, made) : settle(notice, std::move(made)));
        return !later;
    });
    if (done) return done;
    // It would stand first again: those behind it have their turn before.
    CHECK(put_off(notice, {Reason::temporary, done.error().why, ""}));
    return false;
}

Result<std::size_t> NoticeMaker::State::make_due(DamagedRows& damaged)
{
    TRY(const auto notices, due_notices(house.store, house.clock.now(), notices_at_once, &damaged));
    std::size_t made_number = 0;
    Status all = Done{};
    for (const auto& notice : notices) {
        if (must_stop()) break;
        const auto done = guarded([&] { return one(notice); });
        if (!done) all = fail(done.error());  // the others do not wait for it
        made_number += done && *done;
    }
    CHECK(all);
    return made_number;
}

/// Each row once: a pass comes every minute and with all mail.
void NoticeMaker::State::tell_damage(const DamagedRows& damaged)
{
    set_gauge(Metric::notice_rows_damaged, static_cast<std::int64_t>(damaged.size()));
    for (const auto& row : damaged)
        if (damage_told.size() < damage_told_max &&
            damage_told.insert(std::string(table_name(row.table)) + row.key).second)
            LogLine(LOG_ERR, "", "store")
                .with("what", row.why)
                .with("row", hex(row.key))
                .with("done", "passed over");
}

Result<std::size_t> NoticeMaker::State::pass(bool overdue_too)
{
    std::lock_guard alone(passing);
    DamagedRows damaged;
    const auto overdue = guarded([&] { return overdue_too ? tell_overdue(damaged) : Status(Done{}); });
    const auto kept = guarded([&] { return look_after_held(house); });
    const auto made = guarded([&] { return make_due(damaged); });
    tell_damage(damaged);
    CHECK(show_owed());
    CHECK(overdue);
    CHECK(kept);
    return made;
}

milliseconds NoticeMaker::State::sleep_time()
{
    auto notice = next_notice_due(house.store);
    auto watch = next_watch_due(house.store);
    auto held = next_held_work(house);
    if (!notice || !watch || !held)
        return std::min<milliseconds>(house.site()->settings->reinject_retry_min, longest_sleep);
    milliseconds sleep = longest_sleep;
    const auto now = house.clock.now();
    if (*held) sleep = std::min<milliseconds>(sleep, **held - now);
    if (*notice) sleep = std::min<milliseconds>(sleep, **notice - now);
    if (*watch) sleep = std::min<milliseconds>(sleep, std::max<milliseconds>(**watch - now, silence()));
    return std::max(sleep, milliseconds(0));
}

void NoticeMaker::State::run()
{
    for (;;) {
        milliseconds sleep = longest_sleep;
        try {
            // By a clock that has jumped every message watched is overdue and every certificate has expired.
            const bool believed = house.clock_watch.check().has_value();
            if (!believed) hearing_since = std::chrono::steady_clock::now();
            auto done = believed ? pass(silence() == milliseconds(0)) : Result<std::size_t>(0);
            if (!done) LogLine(LOG_ERR, "", "store").with("what", done.error().why);
            if (believed)
                sleep = done ? sleep_time() : milliseconds(house.site()->settings->reinject_retry_min);
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        std::unique_lock hold(lock);
        woken.wait_for(hold, sleep, [&] { return awake || stopping; });
        awake = false;
        if (stopping) return;
    }
}

NoticeMaker::NoticeMaker(House& house) : state_(std::make_unique<State>(house)) {}

NoticeMaker::~NoticeMaker()
{
    stop();
}

void NoticeMaker::stop()
{
    std::thread thread;
    {
        std::lock_guard hold(state_->lock);
        state_->stopping = true;
        thread.swap(state_->thread);
    }
    state_->woken.notify_one();
    if (thread.joinable()) thread.join();
}

void NoticeMaker::wake()
{
    std::lock_guard hold(state_->lock);
    if (state_->stopping) return;
    state_->awake = true;
    if (!state_->thread.joinable()) state_->thread = std::thread([s = state_.get()] { s->run(); });
    state_->woken.notify_one();
}

Result<std::size_t> NoticeMaker::pass()
{
    return state_->pass(true);
}

}  // namespace direct
