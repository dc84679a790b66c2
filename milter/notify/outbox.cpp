// outbox.cpp - the rows of the outbox: an entry, and its place in the order of due times. A failed entry has
// no due row and waits for an administrator.
#include "milter/notify/outbox.h"

#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/outbox_rows.h"
#include "milter/notify/sweep.h"

namespace direct {

Status put_outbox(WriteTxn& txn, const OutboxEntry& before, const OutboxEntry& entry)
{
    CHECK(txn.erase(Table::outbox_due, due_key(before)));
    CHECK(txn.put(Table::outbox, entry.id, encode(entry)));
    if (entry.state == "failed") return Done{};
    return txn.put(Table::outbox_due, due_key(entry), "");
}

Status remove_outbox(WriteTxn& txn, const OutboxEntry& entry)
{
    CHECK(txn.erase(Table::outbox_due, due_key(entry)));
    CHECK(txn.erase(Table::outbox, entry.id));
    if (!entry.content) return Done{};
    return txn.erase_content(entry.content.id);
}

Result<std::optional<OutboxEntry>> get_outbox(ReadTxn& txn, std::string_view id)
{
    TRY(const auto bytes, txn.get(Table::outbox, id));
    if (!bytes) return std::optional<OutboxEntry>();
    TRY(auto entry, decode_outbox(*bytes));
    return std::optional<OutboxEntry>(std::move(entry));
}

std::string due_key(const OutboxEntry& entry)
{
    return be64(static_cast<std::uint64_t>(entry.due_ms)) + entry.id;
}

Status owe(WriteTxn& txn, const OutboxEntry& entry)
{
    return put_outbox(txn, entry, entry);
}

namespace {

Result<std::vector<std::string>> all_ids(RecordStore& store)
{
    std::vector<std::string> ids;
    CHECK(store.read([&](ReadTxn& txn) {
        ids.clear();
        return txn.keys(Table::outbox, "", "", [&](std::string_view key) {
            ids.emplace_back(key);
            return true;
        });
    }));
    return ids;
}

}  // namespace

Result<std::vector<OutboxEntry>> list_outbox(RecordStore& store)
{
    std::vector<OutboxEntry> out;
    TRY(const auto ids, all_ids(store));
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        out.clear();
        for (const auto& id : ids)
            if (auto entry = get_outbox(txn, id); entry && *entry) out.push_back(std::move(**entry));
        return Done{};
    }));
    return out;
}

Result<std::size_t> retry_outbox(RecordStore& store, std::string_view id_hex, Time now)
{
    std::string wanted;
    if (!id_hex.empty()) {
        TRY(wanted, unhex(id_hex));
    }
    TRY(auto ids, all_ids(store));
    if (!wanted.empty()) std::erase_if(ids, [&](const std::string& id) { return id != wanted; });
    std::size_t number = 0;
    const auto make_due = [&](WriteTxn& txn) -> Status {
        number = 0;
        for (const auto& id : ids) {
            const auto found = get_outbox(txn, id);
            if (!found && wanted.empty()) continue;  // damaged: it must not keep the others
            if (!found) return fail(found.error());
            const auto& before = *found;
            if (!before) continue;  // handed over meanwhile
            OutboxEntry entry = *before;
            // Its time begins again, or the next failure would give it up at once.
            if (entry.state == "failed") {
                entry.created_ms = now.time_since_epoch().count();
                TRY(entry.recipients, not_sent_again(txn, store, entry.envelope_id, entry.recipients, now));
            }
            if (entry.recipients.empty()) {  // all of it was sent again meanwhile
                CHECK(remove_outbox(txn, *before));
                continue;
            }
            entry.state = "waiting";
            entry.tries = 0;
            entry.due_ms = now.time_since_epoch().count();
            CHECK(put_outbox(txn, *before, entry));
            ++number;
        }
        return Done{};
    };
    CHECK(store.write(make_due, 4096));
    return number;
}

Result<std::size_t> sweep_settled(RecordStore& store, Time before)
{
    return sweep_rows(store, Table::settled, [&](std::string_view value) {
        auto settled = decode_settled(value);
        return settled && settled->at_ms < before.time_since_epoch().count();
    });
}

}  // namespace direct
