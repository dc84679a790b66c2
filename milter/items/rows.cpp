// rows.cpp - see rows.h.
#include "milter/items/rows.h"

#include <string>
#include <vector>

namespace direct {

Status erase_rows(RecordStore& store, Table table, std::string_view prefix)
{
    for (;;) {
        std::vector<std::string> keys;
        CHECK(store.read([&](ReadTxn& txn) {
            keys.clear();
            return txn.scan(table, prefix, prefix, [&](std::string_view key, std::string_view) {
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

}  // namespace direct
