// held_purge.cpp - see held_purge.h.
#include "milter/notify/held_purge.h"

#include <algorithm>
#include <array>

#include "milter/notify/held_end.h"
#include "milter/notify/held_notice.h"

namespace direct {
namespace {

constexpr std::string_view purge_prefix = "p";
/// After these nobody waits for the content.
constexpr std::array may_be_purged = {"expired", "revoked", "locked", "notify-failed"};
/// After these the person opens it again until it expires.
constexpr std::array picked_up = {"picked-up", "added", "declined"};

bool one_of(const auto& states, std::string_view state)
{
    return std::find(states.begin(), states.end(), state) != states.end();
}

std::string key_at(Time ended)
{
    return std::string(purge_prefix) + be64(static_cast<std::uint64_t>(ended.time_since_epoch().count()));
}

}  // namespace

Status await_purge(WriteTxn& txn, std::string_view id, Time ended)
{
    return txn.put(Table::held_by, key_at(ended) + std::string(id), "");
}

bool may_be_opened(const HeldRecord& record, Time now)
{
    return one_of(picked_up, record.state) && record.expires_ms > now.time_since_epoch().count();
}

Result<std::optional<HeldRecord>> purge_held(WriteTxn& txn, const RecordStore& store, std::string_view id,
                                             Time now)
{
    std::optional<HeldRecord> none;
    TRY(const auto bytes, txn.get(Table::held, id));
    if (!bytes) return none;
    auto read = decode_held(*bytes);
    if (!read) return none;  // damaged: its content is swept with the record
    auto& record = *read;
    const bool ended = one_of(may_be_purged, record.state) || one_of(picked_up, record.state);
    if (!ended || may_be_opened(record, now)) return none;
    CHECK(take_back_notices(txn, store, record));
    CHECK(txn.erase(Table::held_by, held_due_key(record)));
    CHECK(txn.erase(Table::held_by, "c" + store.index_key("code", record.code)));
    if (record.content) CHECK(txn.erase_content(record.content.id));
    record.state = "purged";
    record.content = {};
    record.attachments.clear();
    for (auto* secret :
         {&record.wrapped_key, &record.wrap_salt, &record.code, &record.question, &record.display_name})
        secret->clear();
    CHECK(txn.put(Table::held, record.id, encode(record)));
    return std::optional<HeldRecord>(std::move(record));
}

Result<std::vector<std::string>> held_to_purge(RecordStore& store, Time ended_by, std::size_t most)
{
    std::vector<std::string> out;
    const auto end = key_at(ended_by + milliseconds(1));
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        return txn.scan(Table::held_by, purge_prefix, "", [&](std::string_view key, std::string_view) {
            if (key >= std::string_view(end) || out.size() >= most) return false;
            out.emplace_back(key);
            return true;
        });
    }));
    return out;
}

Result<std::optional<Time>> first_held_to_purge(RecordStore& store)
{
    std::optional<Time> out;
    CHECK(store.read([&](ReadTxn& txn) {
        out.reset();
        return txn.scan(Table::held_by, purge_prefix, "", [&](std::string_view key, std::string_view) {
            out = Time(milliseconds(static_cast<std::int64_t>(read_be64(key.substr(purge_prefix.size())))));
            return false;
        });
    }));
    return out;
}

}  // namespace direct
