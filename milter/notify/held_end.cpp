// held_end.cpp - see held_end.h.
#include "milter/notify/held_end.h"

#include <algorithm>
#include <array>

#include "milter/notify/held_notice.h"
#include "milter/notify/held_purge.h"
#include "milter/notify/owed_notice.h"

namespace direct {
namespace {

constexpr std::string_view due_prefix = "x";

struct End {
    std::string_view state;
    const char* token;  ///< what the sender is told
};
constexpr std::array ends = {End{"notify-failed", "notice-undeliverable"}, End{"locked", "record-locked"},
                             End{"revoked", "record-revoked"}, End{"expired", "record-expired"}};

bool one_of(std::string_view state, std::initializer_list<std::string_view> states)
{
    return std::find(states.begin(), states.end(), state) != states.end();
}

bool may_end(std::string_view from, std::string_view to)
{
    if (one_of(from, {"held", "notified", "reminded"})) return true;
    if (from == "notify-failed") return to != from;
    if (from == "answered") return one_of(to, {"revoked", "expired"});
    return from == "locked" && one_of(to, {"revoked", "expired"});
}

/// The sender of a record in this state has heard already that nobody picked it up.
bool was_told(std::string_view state)
{
    return one_of(state, {"notify-failed", "locked"});
}

}  // namespace

std::string held_due_key(const HeldRecord& record)
{
    return std::string(due_prefix) + be64(static_cast<std::uint64_t>(record.expires_ms)) + record.id;
}

Result<std::optional<HeldRecord>> end_held(WriteTxn& txn, const RecordStore& store, std::string_view id,
                                           std::string_view state, Time now, const std::string& queue_id)
{
    std::optional<HeldRecord> none;
    const auto* end = std::find_if(ends.begin(), ends.end(), [&](const End& e) { return e.state == state; });
    TRY(const auto bytes, txn.get(Table::held, id));
    if (!bytes || end == ends.end()) return none;
    auto read = decode_held(*bytes);
    if (!read) return none;  // damaged: its sender is not known either
    auto& record = *read;
    if (!may_end(record.state, state)) {
        // What was picked up keeps its state when its time is up; nobody needs the content any more.
        if (state == "expired") CHECK(txn.erase(Table::held_by, held_due_key(record)));
        if (state == "expired" && one_of(record.state, {"picked-up", "added", "declined"}))
            CHECK(await_purge(txn, record.id, now));
        return none;
    }
    if (one_of(state, {"revoked", "expired"})) {
        CHECK(txn.erase(Table::held_by, held_due_key(record)));
        CHECK(await_purge(txn, record.id, now));
    }
    // The notice that failed stays where its administrator finds it.
    if (state != "notify-failed") CHECK(take_back_notices(txn, store, record));
    const bool tell = record.wants_notices && !was_told(record.state);
    record.state = state;
    record.notices.push_back({now.time_since_epoch().count(), std::string(state)});
    CHECK(txn.put(Table::held, record.id, encode(record)));
    if (tell) {
        OwedNotice notice;
        notice.disposition = "failed";
        notice.failure = end->token;
        notice.recipient = record.newuser_address;
        notice.sender = record.sender;
        notice.original_message_id = record.message_id;
        notice.queue_id = queue_id;
        notice.about = record.id;
        // Told that nobody picked it up, he may send it again: then it is no repeat.
        if (!record.once_key.empty()) CHECK(txn.erase(Table::idempotency, record.once_key));
        CHECK(owe_notice(txn, store, std::move(notice), now));
    }
    return std::optional<HeldRecord>(std::move(record));
}

Result<std::vector<std::string>> held_overdue(RecordStore& store, Time now, std::size_t most)
{
    std::vector<std::string> out;
    const auto end =
        std::string(due_prefix) + be64(static_cast<std::uint64_t>(now.time_since_epoch().count()) + 1);
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        return txn.scan(Table::held_by, due_prefix, "", [&](std::string_view key, std::string_view) {
            if (key >= std::string_view(end) || out.size() >= most) return false;
            out.emplace_back(key);
            return true;
        });
    }));
    return out;
}

Result<std::optional<Time>> next_held_due(RecordStore& store)
{
    std::optional<Time> out;
    CHECK(store.read([&](ReadTxn& txn) {
        out.reset();
        return txn.scan(Table::held_by, due_prefix, "", [&](std::string_view key, std::string_view) {
            out = Time(milliseconds(static_cast<std::int64_t>(read_be64(key.substr(due_prefix.size())))));
            return false;
        });
    }));
    return out;
}

}  // namespace direct
