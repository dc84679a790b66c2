// upgrade.cpp - see upgrade.h.
#include "milter/items/upgrade.h"

#include <syslog.h>

#include <string>
#include <vector>

#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/item_index.h"
#include "milter/items/owe_again.h"
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

/// Keys of the next attachments after `from`. Without their rows: one that cannot be opened must not hide the others.
Result<std::vector<std::string>> next_attachments(RecordStore& store, std::string_view from)
{
    std::vector<std::string> out;
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        return txn.keys(Table::document, "", from, [&](std::string_view key) {
            if (key.size() == part_key_size) out.emplace_back(key);
            return out.size() < batch_rows;
        });
    }));
    return out;
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
        TRY(const auto attachments, next_attachments(store, from));
        if (attachments.empty()) break;
        TRY(const auto owed, owe_again(store, attachments, Refusals::stay));
        documents += owed.owed;
        from = attachments[owed.looked_at - 1] + '\0';
    }
    if (documents)
        LogLine(LOG_NOTICE, "", "store").with("what", "documents are read again for the index of items");
    return store.write(
        [](WriteTxn& txn) { return txn.put(Table::meta, version_name, be32(item_index_version)); }, 100);
}

}  // namespace direct
