// held_notice.cpp - see held_notice.h.
#include "milter/notify/held_notice.h"

#include "milter/base/address.h"
#include "milter/base/text.h"
#include "milter/notify/outbox_rows.h"
#include "milter/store/codec.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, NoticeRow>
void fields(F& f, R& r)
{
    f(1, r.last_ms);
    f(2, r.entries);
}

namespace {

constexpr std::string_view again_prefix = "n";

/// Outbox entries of notices name their records by ids of 16 bytes, one after the other.
bool names(const OutboxEntry& notice, std::string_view held_id)
{
    std::string_view ids = notice.message_id;
    for (; ids.size() >= id_size; ids.remove_prefix(id_size))
        if (ids.substr(0, id_size) == held_id) return true;
    return false;
}

Status owe_the_others_again(WriteTxn& txn, const OutboxEntry& notice, std::string_view ended)
{
    std::string_view ids = notice.message_id;
    for (; ids.size() >= id_size; ids.remove_prefix(id_size)) {
        const auto id = ids.substr(0, id_size);
        if (id == ended) continue;
        TRY(const auto bytes, txn.get(Table::held, id));
        if (!bytes) continue;
        const auto other = decode_held(*bytes);
        if (!other || !still_waits(*other)) continue;
        CHECK(txn.put(Table::held_by, std::string(again_prefix) + other->id,
                      be64(static_cast<std::uint64_t>(notice.due_ms))));
    }
    return Done{};
}

}  // namespace

std::string encode(const NoticeRow& row)
{
    return encode_fields(row);
}

Result<NoticeRow> decode_notice_row(std::string_view bytes)
{
    NoticeRow row;
    if (!decode_fields(bytes, row)) return fail(temporary("notice row is damaged"));
    return row;
}

std::string notice_row_key(const RecordStore& store, const std::string& contact)
{
    const auto address = parse_address(contact, true);
    return store.index_key("contact", address ? address->key() : ascii_lower(contact));
}

bool still_waits(const HeldRecord& record)
{
    return record.state == "held" || record.state == "notified" || record.state == "reminded";
}

Status take_back_notices(WriteTxn& txn, const RecordStore& store, const HeldRecord& record)
{
    const auto key = notice_row_key(store, record.contact);
    TRY(const auto bytes, txn.get(Table::notice, key));
    if (!bytes) return Done{};
    TRY(auto row, decode_notice_row(*bytes));
    std::vector<std::string> left;
    for (auto& id : row.entries) {
        TRY(const auto entry, get_outbox(txn, id));
        if (!entry) continue;
        if (!names(*entry, record.id)) {
            left.push_back(std::move(id));
            continue;
        }
        // One that failed has told the senders of all its records: an administrator must not send it any more either.
        if (entry->state != "failed") CHECK(owe_the_others_again(txn, *entry, record.id));
        if (const auto leg = unhex(entry->envelope_id)) CHECK(txn.erase(Table::leg, *leg));
        CHECK(remove_outbox(txn, *entry));
    }
    row.entries = std::move(left);
    CHECK(txn.erase(Table::held_by, std::string(again_prefix) + record.id));
    return txn.put(Table::notice, key, encode(row));
}

Result<std::vector<NoticeOwedAgain>> notices_owed_again(RecordStore& store, std::size_t most)
{
    std::vector<NoticeOwedAgain> out;
    CHECK(store.read([&](ReadTxn& txn) {
        out.clear();
        return txn.scan(Table::held_by, again_prefix, "", [&](std::string_view key, std::string_view value) {
            if (out.size() >= most) return false;
            const auto due = value.size() == 8 ? static_cast<std::int64_t>(read_be64(value)) : 0;
            out.push_back({std::string(key.substr(again_prefix.size())), Time(milliseconds(due))});
            return true;
        });
    }));
    return out;
}

Result<bool> take_owed_again(WriteTxn& txn, const NoticeOwedAgain& one)
{
    return txn.erase(Table::held_by, std::string(again_prefix) + one.held_id);
}

}  // namespace direct
