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
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/outbox_state.h"

namespace direct {
namespace {

constexpr std::size_t entries_at_once = 1000;  // read for one pass
constexpr milliseconds longest_sleep = seconds(60);

template <class Due>
Due due_of(std::string_view key)
{
    std::uint64_t at = 0;
    for (const char c : key.substr(0, 8)) at = (at << 8) | static_cast<unsigned char>(c);
    return {std::string(key.substr(8)), static_cast<std::int64_t>(at)};
}

}  // namespace

// Rows in order of their time, without those in hand.
Status OutboxSender::State::scan_due(const std::function<bool(const Due&)>& unclaimed)
{
    return store.read([&](ReadTxn& txn) {
        return txn.keys(Table::outbox_due, "", "", [&](std::string_view key) {
            const auto due = due_of<Due>(key);
            {
                std::lock_guard hold(lock);
                if (claimed.count(due.id)) return true;
            }
            return unclaimed(due);
        });
    });
}

std::int64_t OutboxSender::State::latest_due(const Settings& settings, std::int64_t now_ms)
{
    return now_ms + std::max(settings.reinject_retry_max, 2 * settings.newuser_notice_interval).count();
}

// They stand at the end of the table.
Status OutboxSender::State::put_off_too_far(std::int64_t latest, std::vector<Due>& found)
{
    const std::string end = be64(static_cast<std::uint64_t>(latest) + 1);
    return store.read([&](ReadTxn& txn) {
        return txn.scan_back(Table::outbox_due, "", [&](std::string_view key, std::string_view) {
            if (key < std::string_view(end) || found.size() >= entries_at_once) return false;
            std::lock_guard hold(lock);
            if (auto due = due_of<Due>(key); !claimed.count(due.id)) found.push_back(std::move(due));
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
    std::vector<Due> found;
    const auto now = now_ms();
    CHECK(scan_due([&](const Due& due) {
        if (due.due_ms > now || found.size() >= entries_at_once) return false;
        found.push_back(due);
        return true;
    }));
    CHECK(put_off_too_far(latest_due(*settings(), now), found));
    CHECK(show_waiting());
    std::lock_guard hold(lock);
    trouble = unwritten.size() > set_aside.size();
    if (trouble || stopping) return 0;  // after stop() nobody takes them
    for (auto& due : found) {
        // A thread whose note failed since then has let go of an entry that was handed over: what was read of it above
        // is old, and taking it now would send it twice.
        if (unwritten.count(due.id)) continue;
        claimed.insert(due.id);
        queue.push_back(std::move(due));
    }
    queued.notify_all();
    return found.size();
}

std::optional<OutboxSender::State::Due> OutboxSender::State::next()
{
    std::lock_guard hold(lock);
    if (!ready()) return std::nullopt;
    auto due = std::move(queue.front());
    queue.pop_front();
    return due;
}

void OutboxSender::State::forget_queues()
{
    for (auto* waiting : {&queue, &big_waiting}) {
        for (const auto& due : *waiting) claimed.erase(due.id);
        waiting->clear();
    }
}

void OutboxSender::State::let_go(const std::string& id, const Result<End>& end)
{
    if (end && *end == End::waits) return;
    bool idle = false;
    {
        std::lock_guard hold(lock);
        claimed.erase(id);
        if (!end) trouble = true;
        if (trouble)
            forget_queues();  // the others would only meet the same
        else if (*end == End::put_off)
            awake = true;  // its time has to be looked for
        if (queue.empty()) woken.notify_all();
        idle = claimed.empty();
        if (idle) put_down.notify_all();
    }
    if (idle) static_cast<void>(show_waiting());
}

Result<std::size_t> OutboxSender::State::pass()
{
    CHECK(look());
    std::size_t done = 0;
    while (const auto due = next()) {
        auto end = one(*due);
        let_go(due->id, end);
        if (!end) return fail(std::move(end).error());
        done += *end == End::complete;
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
    const auto seen = scan_due([&](const Due& due) {
        sleep = std::clamp(milliseconds(due.due_ms - now_ms()), milliseconds(0), sleep);
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
                if (trouble) forget_queues();  // nobody takes them: waiting for that would never end
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
        const auto due = next();
        if (!due) continue;
        Result<End> end = fail(temporary("an exception"));
        try {
            end = one(*due);
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        let_go(due->id, end);
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
        state_->forget_queues();  // nobody takes them any more
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
