// upgrade.cpp - see upgrade.h.
#include "milter/items/upgrade.h"

#include <syslog.h>

#include <string>
#include <vector>

#include "milter/base/log.h"
#include "milter/items/item_index.h"
#include "milter/items/rows.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr const char* version_name = "items-index";

Result<bool> is_up_to_date(RecordStore& store)
{
    std::optional<std::string> version;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(version, txn.get(Table::meta, version_name));
        return Done{};
    }));
    return version && read_be32(*version) == item_index_version;
}

/// Owes the next documents to the parsers; their number.
Result<std::size_t> owe_again(RecordStore& store, std::string& from)
{
    std::vector<std::pair<std::string, DocumentRecord>> rows;
    Status read = Done{};
    std::size_t looked = 0;
    CHECK(store.read([&](ReadTxn& txn) {
        rows.clear();
        looked = 0;
        return txn.scan(Table::document, "", from, [&](std::string_view key, std::string_view value) {
            from = std::string(key) + '\0';
            auto row = decode_document(value);
            if (!row)
                read = fail(std::move(row).error());
            else if (key.size() == part_key_size)
                rows.emplace_back(key, *std::move(row));
            return read && ++looked < batch_rows;
        });
    }));
    CHECK(read);
    RowBatch batch(store);
    for (auto& [key, row] : rows) {
        row.state = "pending";
        CHECK(batch.put(Table::document, key, encode(row)));
        CHECK(batch.put(Table::pending, key, ""));
    }
    CHECK(batch.flush());
    return looked;
}

}  // namespace

Status upgrade_items(RecordStore& store)
{
    TRY(const bool up_to_date, is_up_to_date(store));
    if (up_to_date) return Done{};
    for (const Table table : {Table::item_by, Table::doc_by, Table::record_doc, Table::item})
        CHECK(erase_rows(store, table, ""));
    std::size_t documents = 0;
    for (std::string from;;) {
        TRY(const auto looked, owe_again(store, from));
        documents += looked;
        if (looked < batch_rows) break;
    }
    if (documents)
        LogLine(LOG_NOTICE, "", "store").with("what", "documents are read again for the index of items");
    return store.write(
        [](WriteTxn& txn) { return txn.put(Table::meta, version_name, be32(item_index_version)); }, 100);
}

}  // namespace direct
