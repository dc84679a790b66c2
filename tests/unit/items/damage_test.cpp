// Rows that are damaged, or gone between two looks.
#include "milter/items/upgrade.h"
#include "milter/store/lmdb_store.h"
#include "milter/store/lmdb_txn.h"
#include "tests/support/scratch.h"
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

Status put_row(RecordStore& store, Table table, const std::string& key, const std::string& value)
{
    return store.write([&](WriteTxn& txn) { return txn.put(table, key, value); }, 100);
}

DocumentRecord parsed_row(const std::string& message)
{
    DocumentRecord row;
    row.message_id = message;
    row.part = 1;
    row.state = "parsed";
    return row;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_damaged_document_keeps_no_other_message_from_expiring)
{
    // Expiring ended at the first row it could not read; what lay behind it stayed for ever.
    Chart c;
    std::vector<std::string> ids;
    for (const char* name : {"a", "b", "c"}) ids.push_back(c.settled(said(ccd(name), {allergy(name)})));
    std::sort(ids.begin(), ids.end());
    const auto damaged = part_key(ids[0], 1);
    const auto good = c.store.data().tables.at(Table::document).at(damaged);
    BOOST_REQUIRE(put_row(c.store, Table::document, damaged, "damaged"));
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    const Time late(milliseconds(9'000'000));
    BOOST_TEST(!expire_items(c.store, late));
    BOOST_TEST(log.find(hex(ids[0])) != std::string::npos);
    BOOST_TEST(log.find(hex(ids[1])) == std::string::npos);
    BOOST_TEST(c.store.rows(Table::message) == 1u);
    BOOST_TEST(c.store.rows(Table::document) == 1u);
    BOOST_TEST(c.store.rows(Table::item) == 1u);
    BOOST_REQUIRE(put_row(c.store, Table::document, damaged, good));
    BOOST_TEST(expire_items(c.store, late).value() == 1u);
    BOOST_TEST(c.store.rows(Table::message) + c.store.rows(Table::item) == 0u);
}

BOOST_AUTO_TEST_CASE(a_damaged_document_keeps_no_other_from_being_read_again)
{
    MemoryStore store;
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    const auto damaged = part_key(std::string(16, 'a'), 1), good = part_key(std::string(16, 'b'), 1);
    BOOST_REQUIRE(put_row(store, Table::document, damaged, "damaged"));
    BOOST_REQUIRE(put_row(store, Table::document, good, encode(parsed_row(std::string(16, 'b')))));
    BOOST_TEST(upgrade_items(store).has_value());
    log_to({});
    const auto after = store.data();
    BOOST_TEST(after.tables.at(Table::pending).size() == 1u);
    BOOST_TEST(after.tables.at(Table::pending).contains(good));
    BOOST_TEST(after.tables.at(Table::document).at(damaged) == "damaged");
    BOOST_TEST(log.find(hex(damaged)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_expires_while_the_index_is_made_anew_does_not_come_back)
{
    // The row was written back as it had been read: a document without content, tried again for ever.
    HookedStore store;
    const auto gone = part_key(std::string(16, 'a'), 1), kept = part_key(std::string(16, 'b'), 1);
    for (const auto& key : {gone, kept})
        BOOST_REQUIRE(put_row(store, Table::document, key, encode(parsed_row(key.substr(0, 16)))));
    store.before_write = [&] {
        store.before_write = nullptr;
        BOOST_REQUIRE(store.MemoryStore::write(
            [&](WriteTxn& txn) -> Status {
                CHECK(txn.erase(Table::document, gone));
                return Done{};
            },
            100));
    };
    BOOST_TEST(upgrade_items(store).has_value());
    const auto after = store.data();
    BOOST_TEST(after.tables.at(Table::document).size() == 1u);
    BOOST_TEST(after.tables.at(Table::pending).size() == 1u);
    BOOST_TEST(after.tables.at(Table::pending).contains(kept));
}

BOOST_AUTO_TEST_CASE(a_row_that_cannot_be_unsealed_keeps_no_other_from_being_read_again)
{
    // The walk over the documents, and over old items to be erased, ended at it: nothing was read any more at all.
    const Scratch scratch;
    auto opened = open_lmdb_store({.path = scratch.path() + "/store"}, Secret(std::string(32, 'k')));
    BOOST_REQUIRE(opened);
    auto& store = **opened;
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    const auto damaged = part_key(std::string(16, 'b'), 1);
    for (const char id : {'a', 'b', 'c'}) {
        const std::string message(16, id);
        BOOST_REQUIRE(put_row(store, Table::document, part_key(message, 1), encode(parsed_row(message))));
        BOOST_REQUIRE(put_row(store, Table::item, item_key(message, 1, 1), "{}"));
    }
    BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
        auto& raw = static_cast<LmdbTxn&>(txn);
        CHECK(raw.put_raw(Table::document, damaged, "no sealed value"));
        CHECK(raw.put_raw(Table::item, item_key(std::string(16, 'b'), 1, 1), "no sealed value"));
        return Done{};
    }));
    BOOST_TEST(upgrade_items(store).has_value());
    log_to({});
    BOOST_TEST(log.find(hex(damaged)) != std::string::npos);
    std::vector<std::string> documents, pending;
    const auto keys_of = [&](ReadTxn& txn, Table table, std::vector<std::string>& out) {
        return txn.keys(table, "", "", [&](std::string_view key) {
            out.emplace_back(key);
            return true;
        });
    };
    BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
        CHECK(keys_of(txn, Table::document, documents));
        CHECK(keys_of(txn, Table::pending, pending));
        TRY(const auto items, txn.entries(Table::item));
        BOOST_TEST(items == 0u);
        BOOST_TEST(!txn.get(Table::document, damaged));  // as it was
        return Done{};
    }));
    BOOST_TEST(documents.size() == 3u);
    BOOST_REQUIRE(pending.size() == 2u);
    BOOST_TEST(pending[0] == part_key(std::string(16, 'a'), 1));
    BOOST_TEST(pending[1] == part_key(std::string(16, 'c'), 1));
    // Once is enough.
    BOOST_TEST(upgrade_items(store).has_value());
}
