// rows.cpp - see rows.h.
#include "milter/items/rows.h"

#include "milter/items/item_index.h"

namespace direct {
namespace {

struct Doomed {
    std::vector<std::string> items, index;
};

/// The next items with this prefix and every row that leads to them.
Result<Doomed> next_items(RecordStore& store, const std::vector<std::string>& records,
                          std::string_view prefix)
{
    Doomed out;
    CHECK(store.read([&](ReadTxn& txn) {
        out = {};
        std::size_t bytes = 0;
        return txn.scan(Table::item, prefix, prefix, [&](std::string_view key, std::string_view value) {
            out.items.emplace_back(key);
            if (!records.empty()) {
                const auto facts = facts_of_item(value);
                for (const auto& record : records)
                    for (auto& row : index_rows(store, record, key, facts))
                        out.index.push_back(std::move(row));
            }
            bytes += value.size();
            return out.items.size() + out.index.size() < batch_rows && bytes < batch_bytes;
        });
    }));
    return out;
}

}  // namespace

Status RowBatch::put(Table table, std::string key, std::string value)
{
    bytes_ += key.size() + value.size() + 64;
    rows_.push_back({table, std::move(key), std::move(value)});
    return bytes_ < batch_bytes && rows_.size() < batch_rows ? Status(Done{}) : flush();
}

Status RowBatch::flush()
{
    if (rows_.empty()) return Done{};
    const auto work = [&](WriteTxn& txn) -> Status {
        TRY(const auto there, txn.get(Table::document, attachment_));
        gone_ = !there;
        if (gone_) return Done{};
        for (auto* content : contents_) CHECK(content->attach(txn));
        for (const auto& row : rows_) CHECK(txn.put(row.table, row.key, row.value));
        return Done{};
    };
    CHECK(store_.write(work, bytes_));
    if (!gone_)
        for (auto* content : contents_) content->keep();
    rows_.clear();
    contents_.clear();
    bytes_ = 0;
    return Done{};
}

Status erase_rows(RecordStore& store, Table table, std::string_view prefix)
{
    for (;;) {
        std::vector<std::string> keys;
        CHECK(store.read([&](ReadTxn& txn) {
            keys.clear();
            return txn.keys(table, prefix, prefix, [&](std::string_view key) {
                keys.emplace_back(key);
                return keys.size() < batch_rows;
            });
        }));
        if (keys.empty()) return Done{};
        const auto erase = [&](WriteTxn& txn) -> Status {
            for (const auto& key : keys) CHECK(txn.erase(table, key));
            return Done{};
        };
        auto done = store.write_making_room(erase, keys.size() * 64);
        if (!done) return done;
        if (keys.size() < batch_rows) return Done{};
    }
}

Status erase_items(RecordStore& store, const std::vector<std::string>& records, std::string_view prefix)
{
    for (;;) {
        TRY(const Doomed doomed, next_items(store, records, prefix));
        if (doomed.items.empty()) return Done{};
        const auto erase = [&](WriteTxn& txn) -> Status {
            for (const auto& key : doomed.index) CHECK(txn.erase(Table::item_by, key));
            for (const auto& key : doomed.items) CHECK(txn.erase(Table::item, key));
            return Done{};
        };
        CHECK(store.write_making_room(erase, (doomed.items.size() + doomed.index.size()) * 64));
    }
}

}  // namespace direct
