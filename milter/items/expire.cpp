// expire.cpp - what a clinician's mailbox received goes when its time has passed: documents with their bytes and
// their places in the records, then items, then the message and its index rows.
#include <syslog.h>

#include <optional>

#include "milter/audit/audit.h"
#include "milter/base/address.h"
#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/hand_over.h"
#include "milter/items/item_index.h"
#include "milter/items/mend.h"
#include "milter/items/placement.h"
#include "milter/items/rows.h"

namespace direct {
namespace {

constexpr std::size_t messages_per_look = 200;
constexpr std::size_t faults_told_max = 20;  // in the log, of one round: a full disk fails for every message

/// Messages whose rows cannot be opened: nobody knows when their time has passed, so that they stay.
struct Damaged {
    std::size_t count = 0;
    std::string first;
};

Result<std::vector<MessageRecord>> expired(RecordStore& store, std::int64_t now_ms, std::string& from,
                                           bool& more, Damaged& damaged)
{
    std::vector<MessageRecord> out;
    std::string last;
    std::size_t looked = 0;
    const Damaged before = damaged;
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        looked = 0;
        last = from;
        damaged = before;
        return txn.keys(Table::message, "", from, [&](std::string_view key) {
            last = key;
            ++looked;
            const auto value = txn.get(Table::message, key);
            auto record = value && *value ? decode_message(**value) : fail(temporary("damaged"));
            if (!record && ++damaged.count == 1) damaged.first = key;
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

/// One message with all that came with it. What a fault or a cut leaves is removed by the next run: the message's own row
/// goes last. What cannot be opened goes by its key, so that damage keeps nothing beyond its time.
class Removal {
public:
    Removal(RecordStore& store, const MessageRecord& m, Time now)
        : store_(store), m_(m), now_(now), records_(record_keys(store, m.recipients))
    {
    }

    Status run()
    {
        const TellUnreadable tell = [this](WriteTxn& txn, std::string_view what, std::size_t count) {
            return remember(txn, what, count);
        };
        CHECK(erase_documents(tell));
        // Nothing may add items any more; they can be many.
        CHECK(erase_items(store_, records_, m_.id, tell));
        return store_.write_making_room([&](WriteTxn& txn) -> Status {
            CHECK(erase_index(txn, store_, m_));
            CHECK(txn.erase(Table::message, m_.id));
            return Done{};
        });
    }

    bool found_damage() const { return found_damage_; }

private:
    /// What one transaction has done.
    struct Page {
        PlacingWork work;
        std::size_t unreadable = 0;
        bool last = false;
    };

    Status remember(WriteTxn& txn, std::string_view what, std::size_t count)
    {
        found_damage_ = true;
        AuditEntry e;
        e.at = now_;
        e.event = "items-damaged";
        e.who = "direct-milter";
        e.message_id = m_.message_id;
        e.token = "ok";
        e.detail = std::to_string(count) + " rows (" + std::string(what) +
                   ") could not be opened; removed by their keys as their time had passed" +
                   (what == "documents" ? "; bytes that only they named stay in the store, sealed" : "");
        return append_audit(txn, store_, std::move(e));
    }

    Status erase_documents(const TellUnreadable& tell)
    {
        for (Page page; !page.last;) {
            const auto erase = [&](WriteTxn& txn) -> Status {
                page = {};
                page.work.leaving = m_.id;
                CHECK(erase_some(txn, page));
                return page.unreadable ? tell(txn, "documents", page.unreadable) : Status(Done{});
            };
            const auto done = store_.write_making_room(erase, placement_bytes_max);
            if (!done && !page.work.unreadable.empty()) {
                CHECK(mend_place(store_, page.work.unreadable, tell));
                continue;
            }
            CHECK(done);
        }
        return Done{};
    }

    /// An attachment's own row goes in the transaction in which the last of its documents leaves the last record, before
    /// the rows of what is in it: what it had superseded is there again before it is gone, and without that row nothing
    /// of it is written any more, whoever is about to settle it.
    Status erase_some(WriteTxn& txn, Page& page)
    {
        std::vector<std::string> keys;
        CHECK(txn.keys(Table::document, m_.id, m_.id, [&](std::string_view key) {
            keys.emplace_back(key);
            return keys.size() < batch_rows;
        }));
        for (const auto& key : keys) {
            if (page.work.enough()) return Done{};
            if (key.size() == part_key_size) {
                TRY(const bool whole, leave_records(txn, key, page.work));
                if (!whole) return Done{};
            }
            CHECK(erase_document(txn, key, page));
        }
        if (keys.size() == batch_rows) return Done{};
        // A program that took the documents first may have been cut off.
        TRY(page.last, leave_records(txn, m_.id, page.work));
        return Done{};
    }

    /// The documents that begin so. False: it goes on in the next transaction, and with the first record: what is settled
    /// meanwhile may have put one of them there again.
    Result<bool> leave_records(WriteTxn& txn, const std::string& prefix, PlacingWork& work)
    {
        for (const auto& record : records_) {
            if (work.enough()) return false;
            TRY(const bool whole, displace_others(txn, store_, record, prefix, {}, work));
            if (!whole) return false;
        }
        return true;
    }

    static Status erase_document(WriteTxn& txn, const std::string& key, Page& page)
    {
        page.work.bytes += row_overhead;
        const auto value = txn.get(Table::document, key);
        const auto row =
            value && *value ? decode_document(**value) : Result<DocumentRecord>(fail(temporary("damaged")));
        if (row) {
            page.work.bytes += (*value)->size();
            for (const auto& content : {row->content, row->whole})
                if (content) CHECK(erase_content_or_key(txn, content.id));
        } else {
            ++page.unreadable;
        }
        CHECK(txn.erase(Table::document, key));
        CHECK(txn.erase(Table::pending, key));
        return Done{};
    }

    RecordStore& store_;
    const MessageRecord& m_;
    const Time now_;
    const std::vector<std::string> records_;
    bool found_damage_ = false;
};

}  // namespace

Result<std::size_t> expire_items(RecordStore& store, Time now)
{
    std::size_t removed = 0, failed = 0;
    std::optional<Fault> fault;
    std::string from;
    Damaged damaged;
    for (bool more = true; more;) {
        TRY(const auto messages, expired(store, now.time_since_epoch().count(), from, more, damaged));
        for (const auto& m : messages) {
            Removal removal(store, m, now);
            auto done = removal.run();
            if (removal.found_damage())
                LogLine(LOG_WARNING, "", "store")
                    .with("message", hex(m.id))
                    .with("what", "damaged rows have gone with their message; see the audit");
            if (done) {
                ++removed;
                continue;
            }
            // What fails for one message keeps none of those behind it.
            if (++failed <= faults_told_max)
                LogLine(LOG_WARNING, "", "store").with("message", hex(m.id)).with("what", done.error().why);
            fault = std::move(done).error();
        }
    }
    if (damaged.count)
        LogLine(LOG_WARNING, "", "store")
            .with("message", hex(damaged.first))
            .with("what", "messages whose rows cannot be opened stay: their time is not known")
            .with("count", static_cast<std::int64_t>(damaged.count));
    if (fault) return fail(*std::move(fault));
    return removed;
}

}  // namespace direct
