// outbox_sender.cpp - hands over what is due and notes what became of it.
//
// The order that loses nothing: content is read, the message is handed over, and only then one write moves
// recipients to the settled record and removes the entry with its content. When that write fails (disk full),
// the outcome is kept in memory and written before the entry could be tried again. One pass at a time.
#include <syslog.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/outbox.h"
#include "milter/notify/outbox_rows.h"

namespace direct {
namespace {

constexpr std::size_t entries_at_once = 1000;  // ids read for one pass
constexpr milliseconds longest_sleep = seconds(60);
// An entry is not given up before so many tries, whatever the clock says: after a jump of years forward, or a
// week without power, the first failure must not be the last. Far more than reinject.retry_max doublings.
constexpr std::uint32_t tries_min = 10;
constexpr std::uint32_t content_tries = 3;  // unreadable content: the disk may recover, damage does not

// What one try brought, in the words of the store.
struct Outcome {
    std::string id;
    std::vector<std::string> taken, refused;  // refused: "address answer"
    std::vector<std::string> done;            // addresses of both
    std::string answer;                       // for the admin
    bool unreadable = false;
};

Outcome outcome_of(const OutboxEntry& entry, const HandOverResult& result)
{
    Outcome out;
    out.id = entry.id;
    for (const auto& r : result.recipients) {
        if (!r.text.empty()) out.answer = r.text;
        if (r.code >= 200 && r.code <= 299)
            out.taken.push_back(r.recipient);
        else if (r.code >= 500 && r.code <= 599)
            out.refused.push_back(r.recipient + " " + r.text);
        else
            continue;
        out.done.push_back(r.recipient);
    }
    if (!result.trouble.empty()) out.answer = result.trouble;
    return out;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& from)
{
    to.insert(to.end(), from.begin(), from.end());
}

Status note_settled(WriteTxn& txn, const OutboxEntry& entry, const Outcome& outcome, std::int64_t now_ms)
{
    if (outcome.done.empty()) return Done{};
    SettledRecord settled;
    TRY(const auto earlier, txn.get(Table::settled, entry.id));
    if (earlier) {
        TRY(settled, decode_settled(*earlier));
    }
    settled.kind = entry.kind;
    settled.envelope_id = entry.envelope_id;
    settled.message_id = entry.message_id;
    settled.answer = outcome.answer;
    settled.at_ms = now_ms;
    append(settled.taken, outcome.taken);
    for (const auto& r : outcome.refused)
        if (std::find(settled.refused.begin(), settled.refused.end(), r) == settled.refused.end())
            settled.refused.push_back(r);
    return txn.put(Table::settled, entry.id, encode(settled));
}

// What the MTA took is in its custody, what it refused will not be delivered: the senders are to hear of both.
Status follow(WriteTxn& txn, const RecordStore& store, const OutboxEntry& entry, const Outcome& outcome,
              std::int64_t now_ms)
{
    std::vector<std::string> refused;
    for (const auto& address : outcome.done)
        if (std::find(outcome.taken.begin(), outcome.taken.end(), address) == outcome.taken.end())
            refused.push_back(address);
    return note_handed_over(txn, store, entry.envelope_id, outcome.taken, refused,
                            Time(milliseconds(now_ms)));
}

// No entry is put off further than this. One that is due later was written before the clock was set back.
std::int64_t latest_due(const Settings& settings, std::int64_t now_ms)
{
    return now_ms + std::max(settings.reinject_retry_max, 2 * settings.newuser_notice_interval).count();
}

milliseconds pause_after(std::uint32_t tries, const Settings& settings)
{
    milliseconds pause = settings.reinject_retry_min;
    for (std::uint32_t i = 1; i < tries && pause < settings.reinject_retry_max; ++i) pause *= 2;
    return std::min(pause, std::max(settings.reinject_retry_max, settings.reinject_retry_min));
}

// The entry as it stands now with what the try brought; it may have been changed or removed meanwhile.
Status apply(WriteTxn& txn, const RecordStore& store, const OutboxEntry& tried, const Outcome& outcome,
             const Settings& settings, std::int64_t now_ms, OutboxEntry& after)
{
    CHECK(note_settled(txn, tried, outcome, now_ms));
    CHECK(follow(txn, store, tried, outcome, now_ms));
    after = {};
    TRY(const auto before, get_outbox(txn, tried.id));
    if (!before) return Done{};
    after = *before;
    std::erase_if(after.recipients, [&](const std::string& r) {
        return std::find(outcome.taken.begin(), outcome.taken.end(), r) != outcome.taken.end();
    });
    if (after.recipients.empty()) return remove_outbox(txn, *before);
    ++after.tries;
    after.last_answer = outcome.answer;
    after.due_ms = now_ms + pause_after(after.tries, settings).count();
    const bool given_up =
        after.tries >= tries_min && now_ms - after.created_ms >= settings.reinject_give_up.count();
    const bool damaged = outcome.unreadable && after.tries >= content_tries;
    // A refusal is kept with its content, shown by outbox list and check: a wrong line in Postfix's configuration
    // must not destroy what was accepted. retry_outbox() tries it again.
    const bool refused =
        std::all_of(after.recipients.begin(), after.recipients.end(), [&](const std::string& r) {
            return std::find(outcome.done.begin(), outcome.done.end(), r) != outcome.done.end();
        });
    after.state = given_up || damaged || refused ? "failed" : "waiting";
    if (after.state == "failed")
        CHECK(note_handed_over(txn, store, after.envelope_id, {}, after.recipients,
                               Time(milliseconds(now_ms))));
    return put_outbox(txn, *before, after);
}

}  // namespace

struct OutboxSender::State {
    RecordStore& store;
    const Clock& clock;
    Current settings;
    std::mutex passing;  // one pass at a time; guards unwritten
    std::map<std::string, std::pair<OutboxEntry, Outcome>> unwritten;
    std::mutex lock;  // the rest
    std::condition_variable woken;
    bool awake = false, stopping = false;
    std::function<void()> after_hand_over;
    std::thread thread;

    State(RecordStore& s, const Clock& c, Current cur) : store(s), clock(c), settings(std::move(cur)) {}
    std::int64_t now_ms() const { return clock.now().time_since_epoch().count(); }
    bool must_stop()
    {
        std::lock_guard hold(lock);
        return stopping;
    }
    Result<std::vector<std::string>> due_ids(const Settings& now);
    Status put_off_too_far(ReadTxn& txn, std::int64_t latest, std::vector<std::string>& ids);
    Status note(const OutboxEntry& entry, const Outcome& outcome, const Settings& now);
    Status write_what_was_left(const Settings& now);
    Result<bool> hand_over(const std::string& id, const Settings& now, bool& connected);
    Result<std::size_t> pass(bool& connected);
    milliseconds sleep_time(bool connected);
    void run();
};

Result<std::vector<std::string>> OutboxSender::State::due_ids(const Settings& settings_now)
{
    std::vector<std::string> ids;
    const std::int64_t at = now_ms();
    const std::string end = be64(static_cast<std::uint64_t>(at) + 1);
    CHECK(store.read([&](ReadTxn& txn) {
        return txn.scan(Table::outbox_due, "", "", [&](std::string_view key, std::string_view) {
            if (key >= std::string_view(end) || ids.size() >= entries_at_once) return false;
            ids.emplace_back(key.substr(8));
            return true;
        });
    }));
    CHECK(store.read([&](ReadTxn& txn) { return put_off_too_far(txn, latest_due(settings_now, at), ids); }));
    return ids;
}

// They stand at the end of the table.
Status OutboxSender::State::put_off_too_far(ReadTxn& txn, std::int64_t latest, std::vector<std::string>& ids)
{
    const std::string end = be64(static_cast<std::uint64_t>(latest) + 1);
    return txn.scan_back(Table::outbox_due, "", [&](std::string_view key, std::string_view) {
        if (key < std::string_view(end) || ids.size() >= entries_at_once) return false;
        ids.emplace_back(key.substr(8));
        return true;
    });
}

// One line and the counters for one try; `after` is the entry that is left, empty id when none is.
void report(const OutboxEntry& tried, const Outcome& outcome, const OutboxEntry& after)
{
    const bool left = !after.id.empty() && !after.recipients.empty();
    const char* what = !left ? (outcome.taken.empty() ? "refused" : "handed-over")
                             : (after.state == "failed" ? "given-up" : "later");
    LogLine line(left || !outcome.refused.empty() ? LOG_WARNING : LOG_INFO, tried.queue_id, "outbox");
    line.with("id", hex(tried.id)).with("kind", tried.kind).with("what", what);
    line.with("taken", static_cast<std::int64_t>(outcome.taken.size()));
    line.with("refused", static_cast<std::int64_t>(outcome.refused.size()));
    if (left) line.with("waiting", static_cast<std::int64_t>(after.recipients.size()));
    line.with("answer", outcome.answer);
    if (!left && !outcome.taken.empty()) count(Metric::outbox_sent_total);
    if (left) count(Metric::outbox_retries_total);
    if (!outcome.refused.empty() || (left && after.state == "failed")) count(Metric::outbox_failed_total);
}

Status OutboxSender::State::note(const OutboxEntry& entry, const Outcome& outcome, const Settings& now)
{
    OutboxEntry after;
    const std::int64_t at = now_ms();
    auto written = store.write_making_room(
        [&](WriteTxn& txn) { return apply(txn, store, entry, outcome, now, at, after); });
    if (!written) {
        LogLine(LOG_ERR, entry.queue_id, "store")
            .with("what", written.error().why)
            .with("outbox", hex(entry.id));
        unwritten.insert_or_assign(entry.id, std::pair(entry, outcome));
        return written;
    }
    unwritten.erase(entry.id);
    report(entry, outcome, after);
    if (after_hand_over) after_hand_over();
    return Done{};
}

Status OutboxSender::State::write_what_was_left(const Settings& now)
{
    const auto left = unwritten;
    for (const auto& [id, what] : left) CHECK(note(what.first, what.second, now));
    return Done{};
}

// True when the entry is done.
Result<bool> OutboxSender::State::hand_over(const std::string& id, const Settings& now, bool& connected)
{
    std::optional<OutboxEntry> entry;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(entry, get_outbox(txn, id));
        return Done{};
    }));
    if (!entry || entry->state == "failed") return false;
    Outcome outcome;
    if (auto message = store.content(entry->content); message) {
        const auto result = submit(now, *entry, *message);
        cleanse(message->data(), message->size());
        connected = result.connected;
        outcome = outcome_of(*entry, result);
    } else {
        outcome.id = id;
        outcome.answer = "content: " + message.error().why;
        outcome.unreadable = true;
    }
    CHECK(note(*entry, outcome, now));
    return outcome.done.size() == entry->recipients.size();
}

Result<std::size_t> OutboxSender::State::pass(bool& connected)
{
    std::lock_guard alone(passing);
    const auto now = settings();
    CHECK(write_what_was_left(*now));
    TRY(const auto ids, due_ids(*now));
    std::size_t done = 0;
    connected = true;
    for (const auto& id : ids) {
        // Nobody listens: the others would only wait for the same.
        if (!connected || must_stop()) break;
        TRY(const bool complete, hand_over(id, *now, connected));
        done += complete;
    }
    std::uint64_t waiting = 0;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(waiting, txn.entries(Table::outbox));
        return Done{};
    }));
    set_gauge(Metric::outbox_waiting, static_cast<std::int64_t>(waiting));
    return done;
}

milliseconds OutboxSender::State::sleep_time(bool connected)
{
    const milliseconds retry = settings()->reinject_retry_min;
    if (!connected) return std::min(retry, longest_sleep);
    milliseconds sleep = longest_sleep;
    const auto seen = store.read([&](ReadTxn& txn) {
        return txn.scan(Table::outbox_due, "", "", [&](std::string_view key, std::string_view) {
            std::uint64_t due = 0;
            for (const char c : key.substr(0, 8)) due = (due << 8) | static_cast<unsigned char>(c);
            sleep =
                std::clamp(milliseconds(static_cast<std::int64_t>(due) - now_ms()), milliseconds(0), sleep);
            return false;
        });
    });
    return seen ? sleep : std::min(retry, longest_sleep);
}

void OutboxSender::State::run()
{
    bool connected = true;
    for (;;) {
        milliseconds sleep = longest_sleep;
        try {
            const auto done = pass(connected);
            if (!done) LogLine(LOG_ERR, "", "store").with("what", done.error().why);
            sleep = sleep_time(connected && done);
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", e.what());
        }
        std::unique_lock hold(lock);
        woken.wait_for(hold, sleep, [&] { return awake || stopping; });
        awake = false;
        if (stopping) return;
    }
}

OutboxSender::OutboxSender(RecordStore& store, const Clock& clock, Current settings)
    : state_(std::make_unique<State>(store, clock, std::move(settings)))
{
}

OutboxSender::~OutboxSender()
{
    stop();
}

void OutboxSender::wake()
{
    std::lock_guard hold(state_->lock);
    if (state_->stopping) return;
    state_->awake = true;
    if (!state_->thread.joinable()) state_->thread = std::thread([s = state_.get()] { s->run(); });
    state_->woken.notify_one();
}

void OutboxSender::stop()
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

void OutboxSender::after_hand_over(std::function<void()> then)
{
    state_->after_hand_over = std::move(then);
}

Result<std::size_t> OutboxSender::pass()
{
    bool connected = true;
    return state_->pass(connected);
}

}  // namespace direct
