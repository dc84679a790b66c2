// held_keeper.cpp - see held_keeper.h.
#include "milter/held_keeper.h"

#include <algorithm>

#include "milter/audit/audit.h"
#include "milter/base/text.h"
#include "milter/house.h"
#include "milter/newuser/notice_queue.h"
#include "milter/notify/held_end.h"
#include "milter/notify/held_notice.h"
#include "milter/notify/held_purge.h"

namespace direct {
namespace {

constexpr std::size_t records_at_once = 100;

/// Records nobody has picked up in time: their senders hear of it.
Status end_those_overdue(House& house)
{
    const auto now = house.clock.now();
    TRY(const auto keys, held_overdue(house.store, now, records_at_once));
    if (keys.empty()) return Done{};
    return house.store.write([&](WriteTxn& txn) -> Status {
        for (const auto& key : keys) {
            CHECK(txn.erase(Table::held_by, key));
            TRY(const auto record,
                end_held(txn, house.store, key.substr(key.size() - id_size), "expired", now));
            if (record) CHECK(append_audit(txn, house.store, held_end_entry(*record, "record-expired", now)));
        }
        return Done{};
    });
}

Status purge_those_ended(House& house)
{
    const auto now = house.clock.now();
    const auto after = house.site()->settings->newuser_purge_after;
    TRY(const auto keys, held_to_purge(house.store, now - after, records_at_once));
    if (keys.empty()) return Done{};
    return house.store.write_making_room([&](WriteTxn& txn) -> Status {
        for (const auto& key : keys) {
            CHECK(txn.erase(Table::held_by, key));
            TRY(const auto record, purge_held(txn, house.store, key.substr(key.size() - id_size), now));
            if (record) CHECK(append_audit(txn, house.store, held_end_entry(*record, "record-purged", now)));
        }
        return Done{};
    });
}

Result<std::optional<HeldRecord>> record_of(RecordStore& store, const std::string& id)
{
    std::optional<HeldRecord> out;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto bytes, txn.get(Table::held, id));
        if (!bytes) return Done{};
        TRY(out, decode_held(*bytes));
        return Done{};
    }));
    return out;
}

Status write_again(House& house, const NoticeOwedAgain& one)
{
    const auto now = house.clock.now();
    const auto site = house.site();
    TRY(const auto record, record_of(house.store, one.held_id));
    std::optional<PreparedNotice> notice;
    if (record && still_waits(*record))
        if (const auto address = parse_address(record->newuser_address, true))
            if (const auto* domain = site->domain_of(*address)) {
                TRY(notice,
                    prepare_notice(house.store, *record, *domain, *site->settings, site->host, "", now));
                // Not later than the one that was taken back.
                auto& due = notice->entry.due_ms;
                due = std::min(due, std::max(one.due, now).time_since_epoch().count());
            }
    bool mine = false;
    CHECK(house.store.write([&](WriteTxn& txn) -> Status {
        TRY(mine, take_owed_again(txn, one));
        return mine && notice ? notice->write(txn) : Status(Done{});
    }));
    if (mine && notice) notice->content->keep();
    return Done{};
}

Status write_notices_again(House& house)
{
    TRY(const auto owed, notices_owed_again(house.store, records_at_once));
    Status all = Done{};
    for (const auto& one : owed)
        if (auto done = write_again(house, one); !done)
            all = fail(done.error());  // the others do not wait for it
    if (!owed.empty() && house.outbox) house.outbox->wake();
    return all;
}

}  // namespace

Status look_after_held(House& house)
{
    const auto ended = end_those_overdue(house);
    const auto again = write_notices_again(house);
    const auto purged = purge_those_ended(house);
    CHECK(ended);
    CHECK(again);
    return purged;
}

Result<std::optional<Time>> next_held_work(House& house)
{
    TRY(auto next, next_held_due(house.store));
    TRY(const auto owed, notices_owed_again(house.store, 1));
    if (!owed.empty()) next = house.clock.now();
    TRY(const auto ended, first_held_to_purge(house.store));
    if (ended) {
        const Time due = *ended + house.site()->settings->newuser_purge_after;
        next = next ? std::min(*next, due) : due;
    }
    return next;
}

}  // namespace direct
