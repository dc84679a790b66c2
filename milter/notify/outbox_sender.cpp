// outbox_sender.cpp - hands over what is due and notes what became of it.
//
// The order that loses nothing: content is read, the message is handed over, and only then one write moves
// recipients to the settled record and removes the entry with its content. When that write fails (disk full),
// the outcome is kept in memory and written before anything else is sent.
//
// One thread looks for what is due and puts it into a queue, several take from it. An entry is in the queue, or in
// one thread's hand, or in neither: `claimed` holds the first two, and who takes an entry reads it anew, so what was
// noted meanwhile (gone, put off) is seen. Each has a connection of its own for one message, so a kill can make a
// double of no more than what is in work: reinject.connections entries.
#include <syslog.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/outbox.h"
#include "milter/notify/outbox_outcome.h"
#include "milter/notify/outbox_rows.h"
#include "milter/notify/smtp_dialogue.h"

namespace direct {
namespace {

constexpr std::size_t entries_at_once = 1000;  // ids read for one pass
constexpr std::uint64_t big_message = 1 << 20;
constexpr milliseconds longest_sleep = seconds(60);

}  // namespace

struct OutboxSender::State {
    RecordStore& store;
    const Clock& clock;
    Current settings;
    const std::size_t connections;
    std::mutex big_one;  // held while a big message is in memory: one at a time
    std::mutex looking;  // one look for what is due at a time
    std::mutex lock;     // the rest
    std::condition_variable woken, queued, put_down;
    std::map<std::string, std::pair<OutboxEntry, Outcome>> unwritten;
    std::deque<std::string> queue;
    std::set<std::string> claimed;  // in the queue or in work
    Interrupt interrupt;
    bool awake = false, stopping = false;
    bool trouble = false;  // nobody listens, or the store does not read or write: nothing more is taken
    std::function<void()> after_hand_over;
    std::thread thread;
    std::vector<std::thread> helpers;

    State(RecordStore& s, const Clock& c, Current cur, std::size_t n)
        : store(s), clock(c), settings(std::move(cur)), connections(std::max<std::size_t>(1, n))
    {
    }
    std::int64_t now_ms() const { return clock.now().time_since_epoch().count(); }
    bool must_stop()
    {
        std::lock_guard hold(lock);
        return stopping;
    }
    Status scan_due(const std::function<bool(std::int64_t due, std::string_view id)>& unclaimed);
    Status put_off_too_far(std::int64_t latest, std::vector<std::string>& ids);
    Result<std::size_t> look();
    bool ready() const { return !queue.empty() && !trouble && !stopping; }  // with the lock held
    std::optional<std::string> next();
    void let_go(const std::string& id, const Result<bool>& done);
    Status show_waiting();
    Status note(const OutboxEntry& entry, const Outcome& outcome, const Settings& now);
    Status write_what_was_left(const Settings& now);
    Result<bool> hand_over(const std::string& id, const Settings& now);
    Outcome try_once(const OutboxEntry& entry, const Settings& now);
    Result<std::size_t> pass();
    milliseconds sleep_time();
    void run();
    void help();
};

// Rows in order of their time, without those in hand.
Status OutboxSender::State::scan_due(const std::function<bool(std::int64_t, std::string_view)>& unclaimed)
{
    return store.read([&](ReadTxn& txn) {
        return txn.scan(Table::outbox_due, "", "", [&](std::string_view key, std::string_view) {
            std::uint64_t due = 0;
            for (const char c : key.substr(0, 8)) due = (due << 8) | static_cast<unsigned char>(c);
            {
                std::lock_guard hold(lock);
                if (claimed.count(std::string(key.substr(8)))) return true;
            }
            return unclaimed(static_cast<std::int64_t>(due), key.substr(8));
        });
    });
}

// No entry is put off further than this. One that is due later was written before the clock was set back.
std::int64_t latest_due(const Settings& settings, std::int64_t now_ms)
{
    return now_ms + std::max(settings.reinject_retry_max, 2 * settings.newuser_notice_interval).count();
}

// They stand at the end of the table.
Status OutboxSender::State::put_off_too_far(std::int64_t latest, std::vector<std::string>& ids)
{
    const std::string end = be64(static_cast<std::uint64_t>(latest) + 1);
    return store.read([&](ReadTxn& txn) {
        return txn.scan_back(Table::outbox_due, "", [&](std::string_view key, std::string_view) {
            if (key < std::string_view(end) || ids.size() >= entries_at_once) return false;
            std::lock_guard hold(lock);
            if (std::string id(key.substr(8)); !claimed.count(id)) ids.push_back(std::move(id));
            return true;
        });
    });
}

Status OutboxSender::State::show_waiting()
{
    return store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto waiting, txn.entries(Table::outbox));
        set_gauge(Metric::outbox_waiting, static_cast<std::int64_t>(waiting));
        return Done{};
    });
}

// What is due goes into the queue. Number of new entries there.
Result<std::size_t> OutboxSender::State::look()
{
    std::lock_guard alone(looking);
    CHECK(write_what_was_left(*settings()));
    std::vector<std::string> ids;
    const auto now = now_ms();
    CHECK(scan_due([&](std::int64_t due, std::string_view id) {
        if (due > now || ids.size() >= entries_at_once) return false;
        ids.emplace_back(id);
        return true;
    }));
    CHECK(put_off_too_far(latest_due(*settings(), now), ids));
    CHECK(show_waiting());
    std::lock_guard hold(lock);
    // A thread whose note failed since then has let go of an entry that was handed over: what was read of it above
    // is old, and taking it now would send it twice.
    trouble = !unwritten.empty();
    if (trouble || stopping) return 0;  // after stop() nobody takes them
    for (const auto& id : ids) {
        claimed.insert(id);
        queue.push_back(id);
    }
    queued.notify_all();
    return ids.size();
}

std::optional<std::string> OutboxSender::State::next()
{
    std::lock_guard hold(lock);
    if (!ready()) return std::nullopt;
    auto id = std::move(queue.front());
    queue.pop_front();
    return id;
}

void OutboxSender::State::let_go(const std::string& id, const Result<bool>& done)
{
    bool idle = false;
    {
        std::lock_guard hold(lock);
        claimed.erase(id);
        if (!done) trouble = true;
        if (trouble) {  // the others would only meet the same
            for (const auto& other : queue) claimed.erase(other);
            queue.clear();
        } else if (!*done) {
            awake = true;  // put off: its time has to be looked for
        }
        if (queue.empty()) woken.notify_all();
        idle = claimed.empty();
        if (idle) put_down.notify_all();
    }
    if (idle) static_cast<void>(show_waiting());
}

Status OutboxSender::State::note(const OutboxEntry& entry, const Outcome& outcome, const Settings& now)
{
    OutboxEntry after;
    const std::int64_t at = now_ms();
    auto written = store.write_making_room(
        [&](WriteTxn& txn) { return apply_outcome(txn, store, entry, outcome, now, at, after); });
    {
        std::lock_guard hold(lock);
        if (written)
            unwritten.erase(entry.id);
        else
            unwritten.insert_or_assign(entry.id, std::pair(entry, outcome));
    }
    if (!written) return written;
    report_outcome(entry, outcome, after);
    if (after_hand_over) after_hand_over();
    return Done{};
}

Status OutboxSender::State::write_what_was_left(const Settings& now)
{
    std::map<std::string, std::pair<OutboxEntry, Outcome>> left;
    {
        std::lock_guard hold(lock);
        left = unwritten;
    }
    for (const auto& [id, what] : left) CHECK(note(what.first, what.second, now));
    return Done{};
}

Outcome OutboxSender::State::try_once(const OutboxEntry& entry, const Settings& now)
{
    auto message = store.content(entry.content);
    if (!message) {
        Outcome unreadable;
        unreadable.id = entry.id;
        unreadable.answer = "content: " + message.error().why;
        unreadable.unreadable = true;
        return unreadable;
    }
    count(Metric::outbox_in_work);
    HandOverResult result;
    {
        Timed timed(Metric::reinject_seconds);
        result = submit(now, entry, *message, &interrupt);
    }
    count(Metric::outbox_in_work, -1);
    cleanse(message->data(), message->size());
    if (!result.connected) {
        std::lock_guard hold(lock);
        trouble = true;
    }
    return outcome_of(entry, result);
}

// True when the entry is done. The caller has claimed it.
Result<bool> OutboxSender::State::hand_over(const std::string& id, const Settings& now)
{
    std::optional<OutboxEntry> entry;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(entry, get_outbox(txn, id));
        return Done{};
    }));
    // Between the look and the claim another thread may have tried it and put it off, never further than latest_due().
    if (!entry || entry->state == "failed") return false;
    const auto at = now_ms();
    if (entry->due_ms > at && entry->due_ms <= latest_due(now, at)) return false;
    // Small messages are in memory together, one per connection; of big ones only one.
    std::unique_lock<std::mutex> alone(big_one, std::defer_lock);
    if (entry->content.size > big_message) alone.lock();
    if (must_stop()) return false;
    const auto outcome = try_once(*entry, now);
    CHECK(note(*entry, outcome, now));
    return outcome.done.size() == entry->recipients.size();
}

Result<std::size_t> OutboxSender::State::pass()
{
    CHECK(look());
    const auto now = settings();
    std::size_t done = 0;
    while (const auto id = next()) {
        auto complete = hand_over(*id, *now);
        let_go(*id, complete);
        if (!complete) return fail(std::move(complete).error());
        done += *complete;
    }
    return done;
}

milliseconds OutboxSender::State::sleep_time()
{
    const milliseconds retry = std::min<milliseconds>(settings()->reinject_retry_min, longest_sleep);
    {
        std::lock_guard hold(lock);
        if (trouble) return retry;
    }
    milliseconds sleep = longest_sleep;
    const auto seen = scan_due([&](std::int64_t due, std::string_view) {
        sleep = std::clamp(milliseconds(due - now_ms()), milliseconds(0), sleep);
        return false;
    });
    return seen ? sleep : retry;
}

// Looks for what is due when something was owed, when the queue is empty, and when a pause has ended.
void OutboxSender::State::run()
{
    for (;;) {
        milliseconds sleep = longest_sleep;
        try {
            const auto found = look();
            if (!found) LogLine(LOG_ERR, "", "store").with("what", found.error().why);
            {
                std::unique_lock hold(lock);
                trouble = trouble || !found;
                woken.wait(hold, [&] { return queue.empty() || stopping; });
            }
            sleep = sleep_time();
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        std::unique_lock hold(lock);
        woken.wait_for(hold, sleep, [&] { return awake || stopping; });
        awake = false;
        if (stopping) return;
    }
}

// A border: nothing that one entry brings ends the thread.
void OutboxSender::State::help()
{
    for (;;) {
        {
            std::unique_lock hold(lock);
            queued.wait(hold, [&] { return stopping || ready(); });
            if (stopping) return;
        }
        const auto id = next();
        if (!id) continue;
        Result<bool> done = fail(temporary("an exception"));
        try {
            done = hand_over(*id, *settings());
            if (!done) LogLine(LOG_ERR, "", "store").with("what", done.error().why).with("outbox", hex(*id));
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        let_go(*id, done);
    }
}

OutboxSender::OutboxSender(RecordStore& store, const Clock& clock, Current settings, std::size_t connections)
    : state_(std::make_unique<State>(store, clock, std::move(settings), connections))
{
}

OutboxSender::~OutboxSender()
{
    stop();
}

void OutboxSender::wake()
{
    std::lock_guard hold(state_->lock);
    auto* s = state_.get();
    if (s->stopping) return;
    s->awake = true;
    if (!s->thread.joinable()) s->thread = std::thread([s] { s->run(); });
    while (s->helpers.size() < s->connections) s->helpers.emplace_back([s] { s->help(); });
    s->woken.notify_all();
}

void OutboxSender::stop(milliseconds patience)
{
    std::vector<std::thread> threads;
    {
        std::lock_guard hold(state_->lock);
        state_->stopping = true;
        for (const auto& id : state_->queue) state_->claimed.erase(id);  // nobody takes them any more
        state_->queue.clear();
        threads.swap(state_->helpers);
        threads.push_back(std::move(state_->thread));
    }
    state_->woken.notify_all();
    state_->queued.notify_all();
    // What was handed over and could not be noted would be sent again by the next start. Before the wait too: a listener
    // that hangs may outlast the patience of whoever stops us.
    const auto write_left = [this] {
        if (auto left = state_->write_what_was_left(*state_->settings()); !left)
            LogLine(LOG_ERR, "", "store").with("what", left.error().why);
    };
    write_left();
    {
        std::unique_lock hold(state_->lock);
        state_->put_down.wait_for(hold, patience, [this] { return state_->claimed.empty(); });
    }
    state_->interrupt.raise();
    for (auto& thread : threads)
        if (thread.joinable()) thread.join();
    write_left();
}

void OutboxSender::after_hand_over(std::function<void()> then)
{
    state_->after_hand_over = std::move(then);
}

Result<std::size_t> OutboxSender::pass()
{
    return state_->pass();
}

}  // namespace direct
