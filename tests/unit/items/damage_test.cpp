// Rows that are damaged.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

Status put_row(RecordStore& store, Table table, const std::string& key, const std::string& value)
{
    return store.write([&](WriteTxn& txn) { return txn.put(table, key, value); }, 100);
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
