// watch.cpp - see watch.h. A waiting row has one row in watch_due, at its next deadline.
#include "milter/notify/watch.h"

#include "milter/notify/sweep.h"
#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, WatchRecord>
void fields(F& f, R& r)
{
    f(1, r.message_id);
    f(2, r.sender);
    f(3, r.recipient);
    f(4, r.queue_id);
    f(5, r.wants_final);
    f(6, r.state);
    f(7, r.failure);
    f(8, r.sent_ms);
    f(9, r.processed_by_ms);
    f(10, r.dispatched_by_ms);
    f(11, r.processed_ms);
    f(12, r.dispatched_ms);
    f(13, r.displayed_ms);
    f(14, r.failed_ms);
    f(15, r.return_path);
    f(16, r.leg);
    f(17, r.envelope_id);
}

namespace {

std::int64_t in_ms(Time t)
{
    return t.time_since_epoch().count();
}

std::string key_of(const RecordStore& store, std::string_view message_id, const Address& recipient)
{
    return store.index_key("message-id", message_id) + store.index_key("recipient", recipient.key());
}

/// The deadline that counts now; nothing when the row waits for nothing.
std::optional<std::int64_t> deadline(const WatchRecord& w)
{
    if (w.state != "waiting") return std::nullopt;
    return w.processed_ms ? w.dispatched_by_ms : w.processed_by_ms;
}

std::string due_key(std::int64_t due, std::string_view key)
{
    return be64(static_cast<std::uint64_t>(due)) + std::string(key);
}

Status put_watch(WriteTxn& txn, const std::string& key, const WatchRecord* before, const WatchRecord& after)
{
    if (before)
        if (auto due = deadline(*before)) CHECK(txn.erase(Table::watch_due, due_key(*due, key)));
    CHECK(txn.put(Table::watch, key, encode_fields(after)));
    auto due = deadline(after);
    return due ? txn.put(Table::watch_due, due_key(*due, key), "") : Status(Done{});
}

Result<std::optional<WatchRecord>> read_watch(ReadTxn& txn, std::string_view key)
{
    TRY(const auto bytes, txn.get(Table::watch, key));
    if (!bytes) return std::optional<WatchRecord>();
    TRY(auto w, decode_watch(*bytes));
    return std::optional<WatchRecord>(std::move(w));
}

using Row = std::pair<std::string, WatchRecord>;  // key, record

/// All senders' rows of one message and recipient.
Result<std::vector<Row>> read_rows(ReadTxn& txn, const std::string& base)
{
    std::vector<Row> rows;
    Status damaged = Done{};
    CHECK(txn.scan(Table::watch, base, "", [&](std::string_view key, std::string_view value) {
        auto w = decode_watch(value);
        if (!w) damaged = fail(w.error());
        if (w) rows.emplace_back(key, *std::move(w));
        return w.has_value();
    }));
    CHECK(damaged);
    return rows;
}

/// Where the row of this sender stands, or would: where another one's stands already, behind that.
Result<std::string> key_of_sender(ReadTxn& txn, const RecordStore& store, const std::string& base,
                                  std::string_view sender)
{
    const auto own = base + store.index_key("sender", sender);
    TRY(const auto rows, read_rows(txn, base));
    for (const auto& [key, row] : rows)
        if (row.sender == sender) return key;
    return rows.empty() || rows.front().first != base ? base : own;
}

/// The sender has heard that this one came to nothing.
bool is_over(const WatchRecord& w)
{
    return w.state == "overdue" || w.state == "failed" || w.state == "refused";
}

bool is_failure(std::string_view disposition)
{
    return disposition == "failed" || disposition == "error" || disposition == "denied";
}

/// The client's repeat of what left in place. Its first copy may never have been queued (a 451 after ours), and whatever
/// bounces or is answered is about the last one: it counts from now on. One from the outbox is not sent twice.
bool left_in_its_place(const WatchRecord& there, const WatchRecord& repeat)
{
    const bool unanswered =
        !there.processed_ms && !there.dispatched_ms && !there.displayed_ms && !there.failed_ms;
    return there.state == "waiting" && unanswered && there.envelope_id.empty() && repeat.envelope_id.empty();
}

/// Is the row about this leg? Those of untouched legs and of mail nobody answers have no envelope id.
bool is_about(const WatchRecord& w, const OwedLeg& leg)
{
    if (w.sender != leg.sender) return false;
    if (w.leg == "untouched" || (w.is_sealed() && w.processed_by_ms == 0)) return true;
    return w.is_sealed() && w.envelope_id == leg.envelope_id;
}

/// Notes it in the row; false when it stands there already.
bool take_note(WatchRecord& w, std::string_view disposition, bool final_delivery, const std::string& failure,
               std::int64_t now_ms)
{
    auto once = [&](std::int64_t& when) {
        if (when) return false;
        when = now_ms;
        return true;
    };
    if (is_failure(disposition)) {
        if (!once(w.failed_ms)) return false;
        w.failure = failure.empty() ? std::string(disposition) : failure;
        return true;
    }
    if (disposition == "processed") return once(w.processed_ms);
    // A dispatched without the extension promises nothing about the final destination.
    if (disposition == "dispatched") return final_delivery ? once(w.dispatched_ms) : !w.dispatched_ms;
    if (disposition == "displayed") once(w.displayed_ms);
    return true;  // displayed, deleted and what has no name are never swallowed
}

// Notices overtake each other: a failure is the end whether it comes before "processed" or behind. It undoes no word that
// the message has arrived.
void settle(WatchRecord& w)
{
    const bool arrived = w.dispatched_ms || w.displayed_ms;
    if (w.state != "waiting" && (w.state != "complete" || arrived)) return;
    if (w.failed_ms)
        w.state = "failed";
    else if (w.wants_final ? w.processed_ms && w.dispatched_ms : w.processed_ms != 0)
        w.state = "complete";
}

}  // namespace

Status begin_watch(WriteTxn& txn, const RecordStore& store, const WatchRecord& watch)
{
    auto recipient = parse_address(watch.recipient, true, true);
    if (!recipient || watch.message_id.empty()) return Done{};
    TRY(const auto key, key_of_sender(txn, store, key_of(store, watch.message_id, *recipient), watch.sender));
    TRY(const auto there, read_watch(txn, key));
    if (!there) return put_watch(txn, key, nullptr, watch);
    // Sent again after its failure was told, or after a sending that nobody answers: this one is waited for as well.
    const bool answered = there->is_sealed() && there->state != "sent";
    const bool anew = is_over(*there) || !answered || left_in_its_place(*there, watch);
    return anew ? put_watch(txn, key, &*there, watch) : Status(Done{});
}

Status note_recipient(WriteTxn& txn, const RecordStore& store, const WatchRecord& row)
{
    auto recipient = parse_address(row.recipient, true, true);
    if (!recipient || row.message_id.empty()) return Done{};
    auto key = key_of(store, row.message_id, *recipient);
    TRY(const auto there, read_watch(txn, key));
    if (!there) return put_watch(txn, key, nullptr, row);
    const bool stands = there->sender != row.sender || (!is_over(*there) && there->state != "untouched");
    return stands ? Status(Done{}) : put_watch(txn, key, &*there, row);
}

Status note_local(WriteTxn& txn, const RecordStore& store, std::string_view message_id,
                  const std::string& sender, const Address& recipient, std::string_view state,
                  const std::string& failure, Time now)
{
    auto key = key_of(store, message_id, recipient);
    TRY(const auto before, read_watch(txn, key));
    if (!before || before->leg != "local" || before->sender != sender) return Done{};
    auto after = *before;
    after.state = state;
    if (!after.processed_ms && state != "failed") after.processed_ms = in_ms(now);
    if (state == "delivered") after.dispatched_ms = in_ms(now);
    if (state == "failed") {
        after.failed_ms = in_ms(now);
        after.failure = failure;
    }
    return put_watch(txn, key, &*before, after);
}

namespace {

bool is_about(const WatchRecord& w, const OwnBounce& bounce)
{
    const auto told = parse_address(w.return_path, true, true);
    const bool this_one =
        w.envelope_id.empty() ? w.queue_id == bounce.queue_id : w.envelope_id == bounce.envelope_id;
    return w.state == "waiting" && this_one && told && *told == bounce.sender;
}

}  // namespace

Result<bool> note_own_bounce(WriteTxn& txn, const RecordStore& store, const OwnBounce& bounce, Time now)
{
    TRY(const auto rows, read_rows(txn, key_of(store, bounce.message_id, bounce.recipient)));
    for (const auto& [key, before] : rows) {
        if (!is_about(before, bounce)) continue;
        auto after = before;
        after.state = "failed";
        after.failed_ms = in_ms(now);
        after.failure = "bounced" + (bounce.status.empty() ? "" : ":" + bounce.status);
        CHECK(put_watch(txn, key, &before, after));
        return true;
    }
    return false;
}

Result<bool> note_leg_refused(WriteTxn& txn, const RecordStore& store, const OwedLeg& leg, Time now)
{
    TRY(const auto key, key_of_sender(txn, store, key_of(store, leg.message_id, leg.recipient), leg.sender));
    std::optional<WatchRecord> before;
    if (!leg.message_id.empty()) {
        TRY(before, read_watch(txn, key));
    }
    if (!before || before->sender != leg.sender) return true;  // nothing else will tell him
    if (!is_about(*before, leg)) return before->sent_ms <= leg.created_ms;
    const bool open = before->state == "waiting" || before->state == "sent" || before->state == "untouched";
    if (!open && before->state != "overdue") return false;
    auto after = *before;
    if (open) after.state = "failed";
    after.failed_ms = in_ms(now);
    after.failure = token_of(Reason::handover_refused);
    CHECK(put_watch(txn, key, &*before, after));
    return open;
}

Status note_leg_tried_again(WriteTxn& txn, const RecordStore& store, const OwedLeg& leg, Time now)
{
    TRY(const auto key, key_of_sender(txn, store, key_of(store, leg.message_id, leg.recipient), leg.sender));
    TRY(const auto before, read_watch(txn, key));
    if (!before || !is_about(*before, leg) || before->state != "failed" ||
        before->failure != token_of(Reason::handover_refused))
        return Done{};
    auto after = *before;
    const auto later = in_ms(now) - before->sent_ms;
    after.sent_ms = in_ms(now);
    after.failed_ms = 0;
    after.failure.clear();
    if (before->processed_by_ms == 0) {
        after.state = before->is_sealed() ? "sent" : before->leg;
    } else {
        after.state = "waiting";
        after.processed_by_ms += later;
        after.dispatched_by_ms += later;
    }
    return put_watch(txn, key, &*before, after);
}

Result<std::vector<WatchRecord>> watches_for(ReadTxn& txn, const RecordStore& store,
                                             std::string_view message_id, const Address& recipient)
{
    TRY(auto rows, read_rows(txn, key_of(store, message_id, recipient)));
    std::vector<WatchRecord> out;
    for (auto& [key, row] : rows) out.push_back(std::move(row));
    return out;
}

Result<WatchRecord> decode_watch(std::string_view bytes)
{
    WatchRecord w;
    if (!decode_fields(bytes, w)) return fail(temporary("store: a record does not decode: watch"));
    return w;
}

Result<std::vector<WatchRecord>> watches_of(RecordStore& store, std::string_view message_id)
{
    std::vector<WatchRecord> out;
    CHECK(store.read([&](ReadTxn& txn) {
        return txn.scan(Table::watch, store.index_key("message-id", message_id), "",
                        [&](std::string_view, std::string_view value) {
                            if (auto w = decode_watch(value)) out.push_back(std::move(*w));
                            return true;
                        });
    }));
    return out;
}

Result<NoticeUse> note_notice(WriteTxn& txn, const RecordStore& store, std::string_view message_id,
                              const Address& recipient, std::string_view disposition, bool final_delivery,
                              const std::string& failure, Time now, const WatchFilter& of)
{
    TRY(const auto rows, read_rows(txn, key_of(store, message_id, recipient)));
    const bool shown_anyway = disposition == "displayed" || disposition == "deleted";
    auto use = NoticeUse::unknown;
    for (const auto& [key, before] : rows) {
        if (!before.is_sealed() || (of && !of(before))) continue;
        auto after = before;
        const bool news = take_note(after, disposition, final_delivery, failure, in_ms(now));
        settle(after);
        CHECK(put_watch(txn, key, &before, after));
        const auto one = !news                                        ? NoticeUse::repeated
                         : before.state == "overdue" && !shown_anyway ? NoticeUse::late
                                                                      : NoticeUse::news;
        if (use != NoticeUse::news) use = one;  // for one of them it is
    }
    return use;
}

namespace {

/// The rows of watch_due in order, each with its record, until `visit` says no. A record that cannot be read is passed
/// over: nothing can be told of it, and those behind it are due too.
Status visit_due(RecordStore& store, DamagedRows* damaged,
                 const std::function<bool(std::int64_t due_ms, WatchRecord&&)>& visit)
{
    return store.read([&](ReadTxn& txn) {
        return txn.keys(Table::watch_due, "", "", [&](std::string_view due) {
            const auto key = due.substr(8);
            auto w = read_watch(txn, key);
            if (!w && damaged) damaged->push_back({Table::watch, std::string(key), w.error().why});
            if (!w || !*w) return true;
            return visit(static_cast<std::int64_t>(read_be64(due)), **std::move(w));
        });
    });
}

}  // namespace

Result<std::vector<WatchRecord>> overdue_watches(RecordStore& store, Time now, std::size_t most,
                                                 DamagedRows* damaged)
{
    std::vector<WatchRecord> out;
    CHECK(visit_due(store, damaged, [&](std::int64_t due_ms, WatchRecord&& w) {
        if (due_ms > in_ms(now) || out.size() >= most) return false;
        out.push_back(std::move(w));
        return true;
    }));
    return out;
}

Result<std::optional<Reason>> close_overdue(WriteTxn& txn, const RecordStore& store, const WatchRecord& watch,
                                            Time now)
{
    std::optional<Reason> none;
    auto recipient = parse_address(watch.recipient, true, true);
    if (!recipient) return none;
    TRY(const auto key, key_of_sender(txn, store, key_of(store, watch.message_id, *recipient), watch.sender));
    TRY(const auto before, read_watch(txn, key));
    auto due = before ? deadline(*before) : std::nullopt;
    if (!due || *due > in_ms(now)) return none;
    auto after = *before;
    auto reason = before->processed_ms ? Reason::dispatched_overdue : Reason::processed_overdue;
    after.state = "overdue";
    after.failure = token_of(reason);
    CHECK(put_watch(txn, key, &*before, after));
    return std::optional<Reason>(reason);
}

Result<std::optional<Time>> next_watch_due(RecordStore& store)
{
    std::optional<Time> out;
    CHECK(visit_due(store, nullptr, [&](std::int64_t due_ms, WatchRecord&&) {
        out = Time(milliseconds(due_ms));
        return false;
    }));
    return out;
}

Result<std::size_t> sweep_watch(RecordStore& store, Time before)
{
    return sweep_rows(store, Table::watch, [&](std::string_view value) {
        auto w = decode_watch(value);
        return w && w->state != "waiting" && w->sent_ms < in_ms(before);
    });
}

}  // namespace direct
