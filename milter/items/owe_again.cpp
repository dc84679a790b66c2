#include "milter/items/owe_again.h"

#include <syslog.h>

#include <algorithm>

#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/rows.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

/// Owes an attachment to the parsers, if it has not expired since it was seen: bytes written. Nothing: its row cannot be
/// opened or read.
Result<std::optional<std::size_t>> owe(WriteTxn& txn, const std::string& key, Refusals refusals)
{
    const auto value = txn.get(Table::document, key);
    if (!value) return std::optional<std::size_t>();
    if (!*value) return std::optional<std::size_t>(0);
    auto row = decode_document(**value);
    if (!row) return std::optional<std::size_t>();
    row->state = "pending";
    if (refusals == Refusals::end) row->refused_by.clear();
    const auto bytes = encode(*row);
    CHECK(txn.put(Table::document, key, bytes));
    CHECK(txn.put(Table::pending, key, ""));
    return std::optional(bytes.size() + 64);
}

bool is_of(std::string_view plugin, std::string_view name)
{
    return plugin == name || (plugin.starts_with(name) && plugin.substr(name.size()).starts_with(' '));
}

bool failed_with(const DocumentRecord& row, std::string_view plugin)
{
    const bool failed = row.state != "parsed" && row.state != "file" && row.state != "pending";
    return (failed && is_of(row.plugin, plugin)) ||
           std::ranges::any_of(row.refused_by, [&](const auto& dead) { return is_of(dead, plugin); });
}

struct Look {
    std::vector<std::string> attachments;
    std::string next;
};

Result<Look> look(RecordStore& store, std::string_view message, std::string_view plugin,
                  std::string_view from)
{
    Look out;
    CHECK(store.read([&](ReadTxn& txn) {
        out = {};
        std::size_t rows = 0;
        return txn.keys(Table::document, message, from.empty() ? message : from, [&](std::string_view key) {
            if (rows++ == reparse_rows_max) {
                out.next = key;
                return false;
            }
            const auto attachment = key.substr(0, std::min(key.size(), part_key_size));
            if (!out.attachments.empty() && out.attachments.back() == attachment) return true;
            bool wanted = plugin.empty() && key.size() == part_key_size;
            if (!plugin.empty()) {
                const auto value = txn.get(Table::document, key);
                const auto row = value && *value ? decode_document(**value)
                                                 : Result<DocumentRecord>(fail(temporary("damaged")));
                wanted = row && failed_with(*row, plugin);
            }
            if (wanted) out.attachments.emplace_back(attachment);
            return true;
        });
    }));
    return out;
}

}  // namespace

Result<OwedAgain> owe_again(RecordStore& store, const std::vector<std::string>& attachments,
                            Refusals refusals)
{
    std::vector<std::string> damaged;
    OwedAgain out;
    const auto work = [&](WriteTxn& txn) -> Status {
        damaged.clear();
        out = {};
        for (std::size_t bytes = 0; out.looked_at < attachments.size() && bytes < batch_bytes;
             ++out.looked_at) {
            TRY(const auto written, owe(txn, attachments[out.looked_at], refusals));
            bytes += written.value_or(0);
            if (!written) damaged.push_back(attachments[out.looked_at]);
            out.owed += written.value_or(0) > 0;
        }
        return Done{};
    };
    CHECK(store.write(work, batch_bytes));
    for (const auto& key : damaged)
        LogLine(LOG_WARNING, "", "store").with("document", hex(key)).with("what", "a row cannot be read");
    return out;
}

Result<Reparsed> reparse(RecordStore& store, std::string_view message, std::string_view plugin,
                         std::string_view from)
{
    TRY(auto found, look(store, message, plugin, from));
    Reparsed out;
    out.next = std::move(found.next);
    for (auto& left = found.attachments; !left.empty();) {
        TRY(const auto owed, owe_again(store, left, Refusals::end));
        out.owed += owed.owed;
        left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(owed.looked_at));
    }
    return out;
}

}  // namespace direct
