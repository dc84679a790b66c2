// Rows of the notices and of the watch that cannot be read: nothing waits behind them.
#include <boost/test/unit_test.hpp>

#include "milter/notify/owed_notice.h"
#include "milter/store/schema.h"
#include "tests/unit/notify/watching.h"

using namespace direct;
using namespace direct::test;

namespace {

void owe_one(RecordStore& store, const std::string& message_id, Time now)
{
    OwedNotice notice;
    notice.disposition = "processed";
    notice.recipient = "alice@direct.here.test";
    notice.sender = "bob@direct.there.test";
    notice.original_message_id = message_id;
    BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return owe_notice(txn, store, notice, now); }));
}

// The fault: the oldest notice could not be read, so no sender ever had a notice again.
void behind_it(const std::function<std::string(MemoryStore&)>& damage)
{
    Watching w;
    for (int i = 1; i <= 3; ++i)
        owe_one(w.store, "<" + std::to_string(i) + "@there.test>", start + seconds(i));
    const auto key = damage(w.memory);
    DamagedRows damaged;
    const auto due = due_notices(w.store, start + seconds(10), 2, &damaged);
    BOOST_REQUIRE(due);
    BOOST_REQUIRE(due->size() == 2u);
    BOOST_TEST(due->front().original_message_id == "<2@there.test>");
    BOOST_REQUIRE(damaged.size() == 1u);
    BOOST_TEST(damaged.front().key == key);
    BOOST_TEST(owed_notices(w.store)->size() == 2u);
    BOOST_TEST((next_notice_due(w.store)->value() == start + seconds(2)), "it wakes nobody");
    for (const auto& n : *due)
        BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) -> Status {
            TRY(bool there, take_notice(txn, n));
            return there ? Status(Done{}) : fail(temporary("gone"));
        }));
    BOOST_TEST(due_notices(w.store, start + seconds(10), 2)->empty());
    BOOST_TEST(!next_notice_due(w.store)->has_value());
    BOOST_TEST(w.memory.rows(Table::owed_notice) == 1u, "it stays for whoever looks into it");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_notice_that_does_not_open_stops_no_other)
{
    behind_it([](MemoryStore& memory) { return memory.damage_first(Table::owed_notice); });
}

BOOST_AUTO_TEST_CASE(a_notice_that_does_not_decode_stops_no_other)
{
    behind_it([](MemoryStore& memory) {
        const auto key = memory.data().tables.at(Table::owed_notice).begin()->first;
        BOOST_REQUIRE(
            memory.write([&](WriteTxn& txn) { return txn.put(Table::owed_notice, key, "\xff\xff"); }, 100));
        return key;
    });
}

// The fault: one damaged row, and no submitter heard of anything overdue.
BOOST_AUTO_TEST_CASE(a_row_of_the_watch_that_does_not_open_stops_no_other)
{
    Watching w;
    for (const char* id : {"<1@here.test>", "<2@here.test>", "<3@here.test>"}) w.begin(false, id);
    const auto key = w.memory.damage_first(Table::watch);
    DamagedRows damaged;
    const auto due = overdue_watches(w.store, start + seconds(61), 2, &damaged);
    BOOST_REQUIRE(due);
    BOOST_TEST(due->size() == 2u);
    BOOST_REQUIRE(damaged.size() == 1u);
    BOOST_TEST(damaged.front().key == key);
    for (const auto& row : *due)
        BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) -> Status {
            TRY(const auto reason, close_overdue(txn, w.store, row, start + seconds(61)));
            BOOST_TEST(reason.has_value());
            return Done{};
        }));
    BOOST_TEST(w.overdue(seconds(61)) == 0u);
    BOOST_TEST(!next_watch_due(w.store)->has_value(), "it wakes nobody");
    // Nor does it keep old rows in the table.
    BOOST_TEST(*sweep_watch(w.store, start + seconds(1)) == 2u);
    BOOST_TEST(w.memory.rows(Table::watch) == 1u);
}
