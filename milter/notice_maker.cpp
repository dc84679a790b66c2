// notice_maker.cpp - see notice_maker.h.
#include "milter/notice_maker.h"

#include <syslog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "milter/audit/audit.h"
#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/failure_report.h"
#include "milter/guarded.h"
#include "milter/held_keeper.h"
#include "milter/house.h"
#include "milter/mime/wrap.h"
#include "milter/notify/mdn.h"
#include "milter/notify/notice_workers.h"
#include "milter/notify/owed_notice.h"
#include "milter/notify/report_reader.h"
#include "milter/notify/retry_pause.h"
#include "milter/notify/watch.h"
#include "milter/sta/outbound.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::size_t notices_at_once = 500;
constexpr std::size_t domains_at_once = 4;     // mostly waiting for the network; a signature is quick
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
    std::mutex lock;  // guards the rest
    std::condition_variable woken;
    bool awake = false, stopping = false;
    bool trouble = false;  // a notice could be neither made nor put off
    std::thread thread;
    std::set<std::string> damage_told;
    SteadyTime hearing_since = std::chrono::steady_clock::now();  // notices have been coming in since then

    NoticeWorkers workers;  // last: its threads use the rest

    explicit State(House& h)
        : house(h),
          workers(
              domains_at_once, [this](const NoticeWorkers::Batch& batch) { make_all(batch); },
              [this] { look_again(); })
    {
    }
    bool must_stop()
    {
        std::lock_guard hold(lock);
        return stopping;
    }
    Made make(const OwedNotice& notice);
    Made make_report(const OwedNotice& report);
    Status settle(const OwedNotice& notice, Made made);
    Status put_off(const OwedNotice& notice, const Made& made);
    Status give_due(DamagedRows& damaged);
    void make_all(const NoticeWorkers::Batch& batch);
    Status put_off_after(const OwedNotice& notice, const Fault& fault);
    void look_again();
    NoticeFilter free_domains()
    {
        return [this](const OwedNotice& notice) { return !workers.has_taken(notice); };
    }
    Status show_owed();
    void tell_damage(const DamagedRows& damaged);
    milliseconds silence() const;
    Status pass(bool overdue_too);
    milliseconds sleep_time();
    void run();
};

/// About recipients whom our own MTA has refused.
Made NoticeMaker::State::make_report(const OwedNotice& report)
{
    const auto reason = reason_of(report.failure).value_or(Reason::handover_refused);
    const auto to = parse_address(report.sender, true, true);
    if (!to) return {Reason::malformed, "the address of its submitter cannot be read", ""};
    FailureReport about{*to, "", "", report.original_message_id, {}, {}};
    for (const auto& text : report.recipients)
        if (auto recipient = parse_address(text, true, true))
            about.failed.push_back({*std::move(recipient), reason});
    return {reason, "", failure_dsn(house, std::move(about))};
}

Made NoticeMaker::State::make(const OwedNotice& notice)
{
    if (notice.is_report()) return make_report(notice);
    Made made;
    auto site = house.site();
    auto from = parse_address(notice.recipient, true, true), to = parse_address(notice.sender, true, true);
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
    bool mine = false;
    auto written = house.store.write([&](WriteTxn& txn) -> Status {
        TRY(mine, take_notice(txn, notice));
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
    if (!written || !mine) return written;
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

/// All owed to one domain, in a worker's thread. When its servers do not answer for one, the others are put off unasked:
/// each would wait as long. They come before it next time, so one address that is never answered keeps no other.
void NoticeMaker::State::make_all(const NoticeWorkers::Batch& batch)
{
    const OwedNotice* asked = nullptr;
    Made answer;
    const auto make_one = [&](const OwedNotice& notice) -> Status {
        if (asked) return put_off(notice, answer);
        auto made = make(notice);
        if (!is_temporary(made.reason)) return settle(notice, std::move(made));
        asked = &notice;
        answer = std::move(made);
        return Done{};
    };
    for (const auto& notice : batch) {
        if (must_stop()) return;
        const auto done = guarded([&] { return make_one(notice); });
        if (!done) static_cast<void>(put_off_after(notice, done.error()));  // the others do not wait for it
    }
    if (!asked) return;
    const auto done = guarded([&] { return put_off(*asked, answer); });
    if (!done) static_cast<void>(put_off_after(*asked, done.error()));
}

/// It would stand first again: those behind it have their turn before.
Status NoticeMaker::State::put_off_after(const OwedNotice& notice, const Fault& fault)
{
    auto done = guarded([&] { return put_off(notice, {Reason::temporary, fault.why, ""}); });
    if (done) return done;
    LogLine(LOG_ERR, notice.queue_id, "store").with("what", done.error().why);
    std::lock_guard hold(lock);
    trouble = true;
    return done;
}

/// A domain is free again. In trouble it would be looked at without end.
void NoticeMaker::State::look_again()
{
    std::lock_guard hold(lock);
    awake = awake || !trouble;
    woken.notify_one();
}

/// What is due goes to the workers.
Status NoticeMaker::State::give_due(DamagedRows& damaged)
{
    {
        std::lock_guard hold(lock);
        trouble = false;
    }
    for (bool more = true; more && workers.has_room();) {
        damaged.clear();
        TRY(auto notices,
            due_notices(house.store, house.clock.now(), notices_at_once, &damaged, free_domains()));
        more = notices.size() == notices_at_once;
        workers.give(std::move(notices));
    }
    return Done{};
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

Status NoticeMaker::State::pass(bool overdue_too)
{
    DamagedRows damaged, damaged_watches;
    const auto overdue =
        guarded([&] { return overdue_too ? tell_overdue(house, damaged_watches) : Status(Done{}); });
    const auto kept = guarded([&] { return look_after_held(house); });
    const auto given = guarded([&] { return give_due(damaged); });
    damaged.insert(damaged.end(), damaged_watches.begin(), damaged_watches.end());
    tell_damage(damaged);
    CHECK(show_owed());
    CHECK(overdue);
    CHECK(kept);
    return given;
}

milliseconds NoticeMaker::State::sleep_time()
{
    auto notice = next_notice_due(house.store, free_domains());
    auto watch = next_watch_due(house.store);
    auto held = next_held_work(house);
    const milliseconds retry =
        std::min<milliseconds>(house.site()->settings->reinject_retry_min, longest_sleep);
    if (!notice || !watch || !held) return retry;
    {
        std::lock_guard hold(lock);
        if (trouble) return retry;
    }
    if (!workers.has_room()) notice->reset();  // who makes room wakes us
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
            auto done = believed ? pass(silence() == milliseconds(0)) : Status(Done{});
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
    state_->workers.stop();
}

void NoticeMaker::wake()
{
    std::lock_guard hold(state_->lock);
    if (state_->stopping) return;
    state_->awake = true;
    if (!state_->thread.joinable()) state_->thread = std::thread([s = state_.get()] { s->run(); });
    state_->woken.notify_one();
}

}  // namespace direct
