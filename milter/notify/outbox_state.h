// outbox_state.h - what the sender's threads share. For outbox_sender.cpp and outbox_hand_over.cpp only.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "milter/notify/outbox.h"
#include "milter/notify/outbox_outcome.h"
#include "milter/notify/smtp_dialogue.h"

namespace direct {

struct OutboxSender::State {
    /// An entry, and the time its due row stands under.
    struct Due {
        std::string id;
        std::int64_t due_ms = 0;
    };
    using Unwritten = std::map<std::string, std::pair<OutboxEntry, Outcome>>;
    enum class End : unsigned char {
        complete,  ///< every recipient has a final answer
        put_off,   ///< it will be due again, or is gone
        waits,     ///< behind another big one; claimed still
    };

    RecordStore& store;
    const Clock& clock;
    Current settings;
    const std::size_t connections;
    std::mutex looking;  // one look for what is due at a time
    std::mutex lock;     // the rest
    std::condition_variable woken, queued, put_down;
    Unwritten unwritten;  // handed over, and the store did not take it
    std::set<std::string>
        set_aside;          // those of them which the store does not take although it takes other writes
    std::deque<Due> queue;  // to be taken
    std::deque<Due> big_waiting;  // taken out of the queue while another big one is in work
    bool big_in_work = false;
    std::set<std::string> claimed;  // in a queue or in work
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
    /// No entry is put off further than this. One that is due later was written before the clock was set back.
    static std::int64_t latest_due(const Settings& settings, std::int64_t now_ms);

    // outbox_sender.cpp
    Status scan_due(const std::function<bool(const Due&)>& unclaimed);
    Status put_off_too_far(std::int64_t latest, std::vector<Due>& found);
    Result<std::size_t> look();
    bool ready() const { return !queue.empty() && !trouble && !stopping; }  // with the lock held
    std::optional<Due> next();
    void let_go(const std::string& id, const Result<End>& end);
    void forget_queues();  // with the lock held
    Status show_waiting();
    Result<std::size_t> pass();
    milliseconds sleep_time();
    void run();
    void help();

    // outbox_hand_over.cpp
    Status note(Unwritten::node_type tried, const Settings& now);
    Status write_what_was_left(const Settings& now);
    Status move_due(const Due& due, const Settings& now, bool from_reserve);
    Status put_due_right(const Due& due);
    bool put_aside(const std::string& id);
    Result<End> one(const Due& due);
    Result<End> hand_over(const Due& due, const Settings& now);
    Outcome try_once(const OutboxEntry& entry, const Settings& now);
    std::optional<End> take_big(const Due& due);
    void release_big();
};

}  // namespace direct
