// upgrade.cpp - see upgrade.h.
#include "milter/items/upgrade.h"

#include <syslog.h>

#include <string>
#include <vector>

#include "milter/base/log.h"
#include "milter/base/text.h"
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

/// Owes an attachment to the parsers, if it has not expired since it was seen: bytes written. Nothing: its row cannot be
/// opened or read.
Result<std::optional<std::size_t>> owe(WriteTxn& txn, const std::string& key)
{
    const auto value = txn.get(Table::document, key);
    if (!value) return std::optional<std::size_t>();
    if (!*value) return std::optional<std::size_t>(0);
    auto row = decode_document(**value);
    if (!row) return std::optional<std::size_t>();
    row->state = "pending";
    const auto bytes = encode(*row);
    CHECK(txn.put(Table::document, key, bytes));
    CHECK(txn.put(Table::pending, key, ""));
    return std::optional(bytes.size() + 64);
}

/// As many as one transaction takes; how many those are. A damaged row is told and left: it must not keep all others,
/// new ones too, from being read.
Result<std::size_t> owe_again(RecordStore& store, const std::vector<std::string>& attachments)
{
    std::vector<std::string> damaged;
    std::size_t owed = 0;
    const auto work = [&](WriteTxn& txn) -> Status {
        damaged.clear();
        owed = 0;
        for (std::size_t bytes = 0; owed < attachments.size() && bytes < batch_bytes; ++owed) {
            TRY(const auto written, owe(txn, attachments[owed]));
            bytes += written.value_or(0);
            if (!written) damaged.push_back(attachments[owed]);
        }
        return Done{};
    };
    CHECK(store.write(work, batch_bytes));
    for (const auto& key : damaged)
        LogLine(LOG_WARNING, "", "store").with("document", hex(key)).with("what", "a row cannot be read");
    return owed;
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
        TRY(const auto owed, owe_again(store, attachments));
        documents += owed;
        from = attachments[owed - 1] + '\0';
    }
    if (documents)
        LogLine(LOG_NOTICE, "", "store").with("what", "documents are read again for the index of items");
    return store.write(
        [](WriteTxn& txn) { return txn.put(Table::meta, version_name, be32(item_index_version)); }, 100);
}

}  // namespace direct
