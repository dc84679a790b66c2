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

/// Rows, bytes, and the places in the records; whoever repeats one of them is read again.
Status erase_documents(WriteTxn& txn, RecordStore& store, const MessageRecord& m)
{
    std::vector<std::string> keys, contents;
    Status read = Done{};
    CHECK(txn.scan(Table::document, m.id, m.id, [&](std::string_view key, std::string_view value) {
        keys.emplace_back(key);
        auto d = decode_document(value);
        if (!d) {
            read = fail(std::move(d).error());
            return true;
        }
        for (const auto& content : {d->content, d->whole})
            if (content) contents.push_back(content.id);
        return true;
    }));
    CHECK(read);
    for (const auto& id : contents) CHECK(txn.erase_content(id));
    const auto records = record_keys(store, m.recipients);
    for (const auto& key : keys) {
        CHECK(txn.erase(Table::document, key));
        for (const auto& record : records) CHECK(displace(txn, store, record, key));
    }
    // Last: a document of the message may have been asked to stand for another one of it.
    for (const auto& key : keys) CHECK(txn.erase(Table::pending, key));
    return Done{};
}

/// A message with all that came with it. What a fault leaves can be removed again.
Status remove(RecordStore& store, const MessageRecord& m)
{
    // First nothing may add items any more, then the items, which can be many.
    CHECK(store.write_making_room([&](WriteTxn& txn) { return erase_documents(txn, store, m); }));
    CHECK(erase_items(store, record_keys(store, m.recipients), m.id));
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
