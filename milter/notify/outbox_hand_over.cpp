// outbox_hand_over.cpp - one entry: read, handed over, noted; what became of one that brings trouble of its own.
//
// An entry that cannot be read, or throws, or whose end cannot be noted although the store takes other writes, is put off and told:
// it must not hold up those behind it. Only a store that takes nothing, or a listener that is not there, stops the rest.
#include <syslog.h>

#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/outbox_rows.h"
#include "milter/notify/outbox_state.h"

namespace direct {
namespace {

constexpr std::uint64_t big_message = 1 << 20;

}  // namespace

// The place of the outcome is made before the message is sent: when memory ends after the listener's 250, it is still noted.
Status OutboxSender::State::note(Unwritten::node_type tried, const Settings& now)
{
    const auto& [entry, outcome] = tried.mapped();
    OutboxEntry after;
    const std::int64_t at = now_ms();
    Status written = fail(temporary("an exception"));
    try {
        written = store.write_making_room(
            [&](WriteTxn& txn) { return apply_outcome(txn, store, entry, outcome, now, at, after); });
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
    }
    if (!written) {
        std::lock_guard hold(lock);
        unwritten.insert(std::move(tried));
        return written;
    }
    {
        std::lock_guard hold(lock);
        set_aside.erase(entry.id);
    }
    report_outcome(entry, outcome, after);
    if (after_hand_over) after_hand_over();
    return Done{};
}

// Fault: the store takes nothing. What it does not take of one entry alone stays in memory, and that entry out of the queue.
Status OutboxSender::State::write_what_was_left(const Settings& now)
{
    std::vector<std::string> left;
    {
        std::lock_guard hold(lock);
        for (const auto& [id, tried] : unwritten) left.push_back(id);
    }
    Status all = Done{};
    for (const auto& id : left) {
        // One after the other: an exception of one leaves the rest where they are.
        Unwritten::node_type tried;
        {
            std::lock_guard hold(lock);
            tried = unwritten.extract(id);
        }
        if (!tried) continue;  // written by stop() meanwhile
        const Due due{id, tried.mapped().first.due_ms};
        auto noted = note(std::move(tried), now);
        if (noted) continue;
        if (!move_due(due, now, false) || !put_aside(id)) all = std::move(noted);
    }
    return all;
}

// Each of them is sent again when the process dies before its end is written, so there are no more than are in work at once
// anyway: reinject.connections. False: there is no room, and the others have to wait.
bool OutboxSender::State::put_aside(const std::string& id)
{
    std::lock_guard hold(lock);
    if (!unwritten.count(id) || set_aside.count(id)) return true;
    if (set_aside.size() >= connections) return false;
    set_aside.insert(id);
    return true;
}

// Later by the longest pause, whatever the row says. Also a look at whether the store takes anything at all.
Status OutboxSender::State::move_due(const Due& due, const Settings& now, bool from_reserve)
{
    const auto later = now_ms() + now.reinject_retry_max.count();
    const auto move = [&](WriteTxn& txn) -> Status {
        const auto before = get_outbox(txn, due.id);
        if (before && *before) {
            OutboxEntry entry = **before;
            entry.due_ms = later;
            return put_outbox(txn, **before, entry);
        }
        CHECK(txn.erase(Table::outbox_due, be64(static_cast<std::uint64_t>(due.due_ms)) + due.id));
        if (before) return Done{};  // the entry is gone
        return txn.put(Table::outbox_due, be64(static_cast<std::uint64_t>(later)) + due.id, "");
    };
    return from_reserve ? store.write_making_room(move) : store.write(move);
}

// The due row we came by is not the entry's: it goes, and the entry has its own. (An entry that could not be read has been
// moved by its due row alone, and can be read again. A row left behind would be due for ever.)
Status OutboxSender::State::put_due_right(const Due& due)
{
    return store.write_making_room([&](WriteTxn& txn) -> Status {
        TRY(const auto entry, get_outbox(txn, due.id));
        CHECK(txn.erase(Table::outbox_due, be64(static_cast<std::uint64_t>(due.due_ms)) + due.id));
        return entry ? put_outbox(txn, *entry, *entry) : Status(Done{});
    });
}

// What one entry brings does not stop the others; what the store or the listener brings does.
Result<OutboxSender::State::End> OutboxSender::State::one(const Due& due)
{
    const auto now = settings();
    bool handed_over = false;
    try {
        auto end = hand_over(due, *now);
        if (end) return end;
        LogLine(LOG_ERR, "", "store").with("what", end.error().why).with("outbox", hex(due.id));
        {
            std::lock_guard hold(lock);
            handed_over = unwritten.count(due.id) > 0;
        }
        // In a full store the reserve is for what makes room; an end that is not written there stops the others.
        if (!move_due(due, *now, !handed_over) || !put_aside(due.id)) return end;
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name()).with("outbox", hex(due.id));
        CHECK(move_due(due, *now, true));
    }
    count(Metric::outbox_retries_total);
    return End::put_off;
}

// The caller has claimed it.
Result<OutboxSender::State::End> OutboxSender::State::hand_over(const Due& due, const Settings& now)
{
    std::optional<OutboxEntry> entry;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(entry, get_outbox(txn, due.id));
        return Done{};
    }));
    // Between the look and the claim another thread may have tried it and put it off.
    if (!entry || entry->state == "failed" || entry->due_ms != due.due_ms) {
        CHECK(put_due_right(due));
        return End::put_off;
    }
    // Small messages are in memory together, one per connection; of big ones only one. Who waits for it holds no connection.
    const bool big = entry->content.size > big_message;
    if (big)
        if (const auto end = take_big(due)) return *end;
    struct Release {
        State* state;
        ~Release()
        {
            if (state) state->release_big();
        }
    } release{big ? this : nullptr};
    if (must_stop()) return End::put_off;
    Unwritten made;
    made.try_emplace(due.id, *entry, Outcome{});
    auto tried = made.extract(made.begin());
    tried.mapped().second = try_once(*entry, now);
    const bool complete = tried.mapped().second.done.size() == entry->recipients.size();
    CHECK(note(std::move(tried), now));
    return complete ? End::complete : End::put_off;
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

// Nothing: it is taken, and release_big() is owed.
std::optional<OutboxSender::State::End> OutboxSender::State::take_big(const Due& due)
{
    std::lock_guard hold(lock);
    if (!big_in_work) {
        big_in_work = true;
        return std::nullopt;
    }
    if (trouble || stopping) return End::put_off;  // the queues have been given up
    big_waiting.push_back(due);
    return End::waits;
}

void OutboxSender::State::release_big()
{
    std::lock_guard hold(lock);
    big_in_work = false;
    if (trouble || stopping) return forget_queues();
    if (big_waiting.empty()) return;
    queue.push_front(std::move(big_waiting.front()));
    big_waiting.pop_front();
    queued.notify_one();
}

}  // namespace direct
