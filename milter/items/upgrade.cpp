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

struct Looked {
    std::vector<std::string> attachments;
    std::size_t bytes = 0;
    bool more = false;
};

/// As many attachments as one transaction takes, after `from`, which moves on.
Result<Looked> next_attachments(RecordStore& store, std::string& from)
{
    Looked out;
    const std::string start = from;
    CHECK(store.read([&](ReadTxn& txn) {
        out = {};
        std::size_t rows = 0;
        return txn.scan(Table::document, "", start, [&](std::string_view key, std::string_view value) {
            from = std::string(key) + '\0';
            if (key.size() == part_key_size) out.attachments.emplace_back(key);
            out.bytes += key.size() + value.size() + 64;
            out.more = ++rows == batch_rows || out.bytes >= batch_bytes;
            return !out.more;
        });
    }));
    return out;
}

/// Owes an attachment to the parsers, if it has not expired since it was seen. False: its row cannot be read.
Result<bool> owe(WriteTxn& txn, const std::string& key)
{
    TRY(const auto value, txn.get(Table::document, key));
    if (!value) return true;
    auto row = decode_document(*value);
    if (!row) return false;
    row->state = "pending";
    CHECK(txn.put(Table::document, key, encode(*row)));
    CHECK(txn.put(Table::pending, key, ""));
    return true;
}

/// A damaged row is told and left: it must not keep all others, new ones too, from being read.
Status owe_again(RecordStore& store, const Looked& looked)
{
    std::vector<std::string> damaged;
    const auto work = [&](WriteTxn& txn) -> Status {
        damaged.clear();
        for (const auto& key : looked.attachments) {
            TRY(const bool good, owe(txn, key));
            if (!good) damaged.push_back(key);
        }
        return Done{};
    };
    CHECK(store.write(work, looked.bytes));
    for (const auto& key : damaged)
        LogLine(LOG_WARNING, "", "store").with("document", hex(key)).with("what", "a row cannot be read");
    return Done{};
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
        TRY(const auto looked, next_attachments(store, from));
        if (!looked.attachments.empty()) CHECK(owe_again(store, looked));
        documents += looked.attachments.size();
        if (!looked.more) break;
    }
    if (documents)
        LogLine(LOG_NOTICE, "", "store").with("what", "documents are read again for the index of items");
    return store.write(
        [](WriteTxn& txn) { return txn.put(Table::meta, version_name, be32(item_index_version)); }, 100);
}

}  // namespace direct
