#include "milter/notify/sweep.h"

#include <string>
#include <vector>

namespace direct {
namespace {

constexpr std::size_t rows_at_once = 2000;

struct Batch {
    std::vector<std::string> old;
    std::string next;  // "": the end was reached
};

Result<Batch> look(RecordStore& store, Table table, std::string_view from,
                   const std::function<bool(std::string_view)>& is_old)
{
    Batch batch;
    std::size_t seen = 0;
    CHECK(store.read([&](ReadTxn& txn) {
        return txn.keys(table, "", from, [&](std::string_view key) {
            if (seen++ >= rows_at_once) {
                batch.next = key;
                return false;
            }
            const auto value = txn.get(table, key);
            if (value && *value && is_old(**value)) batch.old.emplace_back(key);
            return true;
        });
    }));
    return batch;
}

Status remove(WriteTxn& txn, Table table, const std::vector<std::string>& keys)
{
    for (const auto& key : keys) CHECK(txn.erase(table, key));
    return Done{};
}

}  // namespace

Result<std::size_t> sweep_rows(RecordStore& store, Table table,
                               const std::function<bool(std::string_view value)>& is_old)
{
    std::size_t removed = 0;
    std::string from;
    do {
        TRY(auto batch, look(store, table, from, is_old));
        if (!batch.old.empty())
            CHECK(store.write_making_room([&](WriteTxn& txn) { return remove(txn, table, batch.old); }));
        removed += batch.old.size();
        from = std::move(batch.next);
    } while (!from.empty());
    return removed;
}

}  // namespace direct
