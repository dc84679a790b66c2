// rows.cpp - see rows.h.
#include "milter/items/rows.h"

#include "milter/items/item_index.h"

namespace direct {
namespace {

constexpr std::size_t keys_per_look = 50'000;  // of an index, in one read: some 20 ms
constexpr std::size_t item_at = 16 + 8;        // in a key of item_by, behind view and time

struct Doomed {
    std::vector<std::string> items, index;
    std::size_t unreadable = 0;  ///< of the items
};

/// The next items with this prefix and every row that leads to them.
Result<Doomed> next_items(RecordStore& store, const std::vector<std::string>& records,
                          std::string_view prefix)
{
    Doomed out;
    CHECK(store.read([&](ReadTxn& txn) {
        out = {};
        std::size_t bytes = 0;
        return txn.keys(Table::item, prefix, prefix, [&](std::string_view key) {
            out.items.emplace_back(key);
            const auto value = txn.get(Table::item, key);
            if (!value || !*value) {
                ++out.unreadable;
                return out.items.size() < batch_rows;
            }
            if (!records.empty()) {
                const auto facts = facts_of_item(**value);
                for (const auto& record : records)
                    for (auto& row : index_rows(store, record, key, facts))
                        out.index.push_back(std::move(row));
            }
            bytes += (*value)->size();
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

Status erase_items(RecordStore& store, const std::vector<std::string>& records, std::string_view prefix,
                   const TellUnreadable& tell)
{
    for (bool index_searched = false;;) {
        TRY(const Doomed doomed, next_items(store, records, prefix));
        if (doomed.items.empty()) return Done{};
        if (doomed.unreadable && !index_searched) {
            // First, so that a cut leaves the items to tell that it is still to be done.
            CHECK(erase_keys_with(store, Table::item_by, item_at, prefix, false));
            index_searched = true;
        }
        const auto erase = [&](WriteTxn& txn) -> Status {
            if (doomed.unreadable && tell) CHECK(tell(txn, "items", doomed.unreadable));
            for (const auto& key : doomed.index) CHECK(txn.erase(Table::item_by, key));
            for (const auto& key : doomed.items) CHECK(txn.erase(Table::item, key));
            return Done{};
        };
        CHECK(store.write_making_room(erase, (doomed.items.size() + doomed.index.size()) * 64));
    }
}

Status erase_keys_with(RecordStore& store, Table table, std::size_t at, std::string_view what, bool whole)
{
    std::string from;
    for (bool more = true; more;) {
        std::vector<std::string> keys;
        std::string last;
        CHECK(store.read([&](ReadTxn& txn) {
            keys.clear();
            more = false;
            std::size_t looked = 0;
            return txn.keys(table, "", from, [&](std::string_view key) {
                const auto rest = key.size() > at ? key.substr(at) : std::string_view();
                if (whole ? rest == what : rest.starts_with(what)) keys.emplace_back(key);
                more = ++looked == keys_per_look || keys.size() == batch_rows;
                if (more) last = key;
                return !more;
            });
        }));
        from = last + '\0';
        if (keys.empty()) continue;
        const auto erase = [&](WriteTxn& txn) -> Status {
            for (const auto& key : keys) CHECK(txn.erase(table, key));
            return Done{};
        };
        CHECK(store.write_making_room(erase, keys.size() * 64));
    }
    return Done{};
}

Status erase_content_or_key(WriteTxn& txn, const std::string& id)
{
    if (txn.erase_content(id)) return Done{};
    CHECK(txn.erase(Table::content, id));
    return Done{};
}

}  // namespace direct
