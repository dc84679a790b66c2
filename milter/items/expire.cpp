// expire.cpp - what a clinician's mailbox received goes when its time has passed: items first, then
// documents with their bytes, then the message and its index rows.
#include <syslog.h>

#include <optional>

#include "milter/base/address.h"
#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/hand_over.h"
#include "milter/items/item_index.h"
#include "milter/items/placement.h"
#include "milter/items/rows.h"

namespace direct {
namespace {

constexpr std::size_t messages_per_look = 200;
constexpr std::size_t faults_told_max = 20;  // in the log, of one round: a full disk fails for every message

Result<std::vector<MessageRecord>> expired(RecordStore& store, std::int64_t now_ms, std::string& from,
                                           bool& more)
{
    std::vector<MessageRecord> out;
    std::string last;
    std::size_t looked = 0;
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        looked = 0;
        last = from;
        return txn.scan(Table::message, "", from, [&](std::string_view key, std::string_view value) {
            last = key;
            ++looked;
            auto record = decode_message(value);
            if (record && record->items_until_ms != 0 && record->items_until_ms <= now_ms)
                out.push_back(*std::move(record));
            return looked < messages_per_look;
        });
    }));
    more = looked == messages_per_look;
    from = last + std::string(1, '\0');  // the next key there can be
    return out;
}

Status erase_index(WriteTxn& txn, RecordStore& store, const MessageRecord& m)
{
    CHECK(txn.erase(Table::message_by, "m" + store.index_key("message-id", m.message_id) + m.id));
    for (const auto& recipient : m.recipients) {
        const auto address = parse_address(recipient, true);
        if (!address) continue;
        CHECK(txn.erase(Table::message_by, "r" + store.index_key("recipient", address->key()) +
                                               be64(static_cast<std::uint64_t>(m.received_ms)) + m.id));
    }
    return Done{};
}

struct DocumentRow {
    std::string key;
    std::vector<std::string> contents;
};

/// The next rows of a message's documents. Fault: one cannot be read, so that its content is not known.
Result<std::vector<DocumentRow>> next_documents(ReadTxn& txn, const std::string& message,
                                                std::string_view from, std::size_t most)
{
    std::vector<DocumentRow> out;
    Status read = Done{};
    CHECK(txn.scan(Table::document, message, from, [&](std::string_view key, std::string_view value) {
        auto d = decode_document(value);
        if (!d) {
            read = fail(std::move(d).error());
            return false;
        }
        out.push_back({std::string(key), {}});
        for (const auto& content : {d->content, d->whole})
            if (content) out.back().contents.push_back(content.id);
        return out.size() < most;
    }));
    CHECK(read);
    return out;
}

Status all_can_be_read(RecordStore& store, const std::string& message)
{
    return store.read([&](ReadTxn& txn) -> Status {
        for (std::string from = message;;) {
            TRY(const auto rows, next_documents(txn, message, from, batch_rows));
            if (rows.size() < batch_rows) return Done{};
            from = rows.back().key + '\0';
        }
    });
}

/// Rows with their bytes. An attachment's own row goes before those of what is in it, and without it nothing of the
/// attachment is written any more.
Status erase_documents(RecordStore& store, const std::string& message)
{
    // A row that cannot be read keeps its message whole.
    CHECK(all_can_be_read(store, message));
    for (bool more = true; more;) {
        const auto erase = [&](WriteTxn& txn) -> Status {
            TRY(const auto rows, next_documents(txn, message, message, batch_rows));
            more = rows.size() == batch_rows;
            for (const auto& row : rows) {
                for (const auto& id : row.contents) CHECK(txn.erase_content(id));
                CHECK(txn.erase(Table::document, row.key));
                CHECK(txn.erase(Table::pending, row.key));
            }
            return Done{};
        };
        CHECK(store.write_making_room(erase));
    }
    return Done{};
}

/// The places of a message's documents in its records; whoever repeats one of them is read again.
Status displace_all(RecordStore& store, const std::vector<std::string>& records, const std::string& message)
{
    for (std::size_t at = 0; at < records.size();) {
        std::size_t next = at;
        const auto displace_some = [&](WriteTxn& txn) -> Status {
            PlacingWork work;
            next = at;
            for (bool whole = true; whole && next < records.size() && !work.enough(); next += whole) {
                TRY(whole, displace_others(txn, store, records[next], message, {}, work));
            }
            return Done{};
        };
        CHECK(store.write_making_room(displace_some));
        at = next;
    }
    return Done{};
}

/// A message with all that came with it. What a fault leaves can be removed again.
Status remove(RecordStore& store, const MessageRecord& m)
{
    const auto records = record_keys(store, m.recipients);
    // First nothing may add items any more, then the items, which can be many.
    CHECK(erase_documents(store, m.id));
    CHECK(displace_all(store, records, m.id));
    CHECK(erase_items(store, records, m.id));
    return store.write_making_room([&](WriteTxn& txn) -> Status {
        CHECK(erase_index(txn, store, m));
        CHECK(txn.erase(Table::message, m.id));
        return Done{};
    });
}

}  // namespace

Result<std::size_t> expire_items(RecordStore& store, Time now)
{
    std::size_t removed = 0, failed = 0;
    std::optional<Fault> fault;
    std::string from;
    for (bool more = true; more;) {
        TRY(const auto messages, expired(store, now.time_since_epoch().count(), from, more));
        for (const auto& m : messages) {
            auto done = remove(store, m);
            if (done) {
                ++removed;
                continue;
            }
            // A damaged row keeps its own message, not those behind it.
            if (++failed <= faults_told_max)
                LogLine(LOG_WARNING, "", "store").with("message", hex(m.id)).with("what", done.error().why);
            fault = std::move(done).error();
        }
    }
    if (fault) return fail(*std::move(fault));
    return removed;
}

}  // namespace direct
