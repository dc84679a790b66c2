// Records: what is put is there, in order, also after closing and opening again.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"

using namespace direct;
using namespace direct::test;

namespace {

std::vector<std::string> keys(RecordStore& store, std::string_view prefix, std::string_view from = "",
                              bool back = false)
{
    std::vector<std::string> out;
    const auto note = [&](std::string_view key, std::string_view value) {
        BOOST_TEST(value == "value of " + std::string(key));
        out.emplace_back(key);
        return true;
    };
    BOOST_TEST(store
                   .read([&](ReadTxn& txn) {
                       return back ? txn.scan_back(Table::item, prefix, note)
                                   : txn.scan(Table::item, prefix, from, note);
                   })
                   .has_value());
    return out;
}

void fill(RecordStore& store, const std::vector<std::string>& all)
{
    BOOST_TEST_REQUIRE(store
                           .write([&](WriteTxn& txn) -> Status {
                               for (const auto& key : all)
                                   CHECK(txn.put(Table::item, key, "value of " + key));
                               return Done{};
                           })
                           .has_value());
}

using Keys = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(put_insert_erase, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(get(*store, Table::held, "a") == "(none)");
    BOOST_TEST(put(*store, Table::held, "a", "1"));
    BOOST_TEST(put(*store, Table::held, "a", "2"));
    BOOST_TEST(get(*store, Table::held, "a") == "2");
    BOOST_TEST(get(*store, Table::outbox, "a") == "(none)");  // tables are apart
    const Status done = store->write([](WriteTxn& txn) -> Status {
        TRY(const bool again, txn.insert(Table::held, "a", "3"));
        BOOST_TEST(!again);
        TRY(const bool first, txn.insert(Table::held, "b", "4"));
        BOOST_TEST(first);
        TRY(const bool was, txn.erase(Table::held, "a"));
        BOOST_TEST(was);
        TRY(const bool twice, txn.erase(Table::held, "a"));
        BOOST_TEST(!twice);
        TRY(const auto own, txn.get(Table::held, "b"));  // sees what it wrote
        BOOST_TEST((own && *own == "4"));
        TRY(const std::uint64_t number, txn.entries(Table::held));
        BOOST_TEST(number == 1u);
        return Done{};
    });
    BOOST_TEST(done.has_value());
    BOOST_TEST(get(*store, Table::held, "a") == "(none)");
    BOOST_TEST(get(*store, Table::held, "b") == "4");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_have_bounds, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(!put(*store, Table::held, "", "x"));
    BOOST_TEST(!put(*store, Table::held, std::string(501, 'k'), "x"));
    BOOST_TEST(put(*store, Table::held, std::string(500, 'k'), ""));
    BOOST_TEST(get(*store, Table::held, std::string(500, 'k')) == "");
    BOOST_TEST(get(*store, Table::held, "") == "(none)");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scans_follow_key_order, Factory, AllStores)
{
    Opened<Factory> store;
    const std::string ff(1, '\xff');
    fill(*store, {"b2", "a", "b1", "b", "c", ff + "1", ff + ff, std::string("b\0x", 3)});
    BOOST_TEST(keys(*store, "b") == (Keys{"b", std::string("b\0x", 3), "b1", "b2"}));
    BOOST_TEST(keys(*store, "b", "b1") == (Keys{"b1", "b2"}));
    BOOST_TEST(keys(*store, "b", "zzz") == Keys{});
    BOOST_TEST(keys(*store, "", "c") == (Keys{"c", ff + "1", ff + ff}));
    BOOST_TEST(keys(*store, "b", "", true) == (Keys{"b2", "b1", std::string("b\0x", 3), "b"}));
    BOOST_TEST(keys(*store, ff, "", true) == (Keys{ff + ff, ff + "1"}));
    BOOST_TEST(keys(*store, "0", "", true) == Keys{});
    BOOST_TEST(keys(*store, "", "", true).size() == 8u);
    BOOST_TEST(keys(*store, "d") == Keys{});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scan_stops_when_told, Factory, AllStores)
{
    Opened<Factory> store;
    fill(*store, {"a", "b", "c"});
    int seen = 0;
    const Status done = store->read(
        [&](ReadTxn& txn) { return txn.scan(Table::item, "", "", [&](auto, auto) { return ++seen < 2; }); });
    BOOST_TEST(done.has_value());
    BOOST_TEST(seen == 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_visitor_may_change_its_table, Factory, AllStores)
{
    Opened<Factory> store;
    Keys all;
    for (std::uint32_t i = 0; i < 500; ++i) all.push_back(be32(i));
    for (const bool back : {false, true}) {
        fill(*store, all);
        std::size_t seen = 0;
        const Status done = store->write([&](WriteTxn& txn) -> Status {
            seen = 0;
            const auto erase_and_grow = [&](std::string_view key, std::string_view) {
                ++seen;
                return txn.erase(Table::item, std::string(key)).has_value() &&
                       txn.put(Table::pending, key, std::string(300, 'x')).has_value();
            };
            return back ? txn.scan_back(Table::item, "", erase_and_grow)
                        : txn.scan(Table::item, "", "", erase_and_grow);
        });
        BOOST_TEST(done.has_value());
        BOOST_TEST(seen == all.size());
        BOOST_TEST(keys(*store, "") == Keys{});
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(records_outlive_the_process_that_wrote_them, Factory, AllStores)
{
    for (const bool committer : {true, false}) {
        Tuning tuning;
        tuning.committer = committer;
        Opened<Factory> store(tuning);
        for (std::uint32_t i = 0; i < 50; ++i) BOOST_TEST(put(*store, Table::message, be32(i), "message"));
        const std::string index = store->index_key("code", "abc");
        const std::string audit_key(store->audit_key());
        store.reopen();
        for (std::uint32_t i = 0; i < 50; ++i) BOOST_TEST(get(*store, Table::message, be32(i)) == "message");
        BOOST_TEST((store->index_key("code", "abc") == index));
        BOOST_TEST((store->audit_key() == audit_key));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_sees_one_moment, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(put(*store, Table::held, "a", "before"));
    const Status done = store->read([&](ReadTxn& txn) -> Status {
        std::thread([&] { BOOST_TEST(put(*store, Table::held, "a", "after")); }).join();
        TRY(const auto value, txn.get(Table::held, "a"));
        BOOST_TEST(*value == "before");
        return Done{};
    });
    BOOST_TEST(done.has_value());
    BOOST_TEST(get(*store, Table::held, "a") == "after");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(writes_inside_transactions_are_refused, Factory, AllStores)
{
    Opened<Factory> store;
    Status inner;
    const auto write_inside = [&](auto&) -> Status {
        inner = store->write([](WriteTxn& txn) { return txn.put(Table::held, "a", "x"); });
        return Done{};
    };
    BOOST_TEST(store->read(write_inside).has_value());
    BOOST_TEST((!inner && inner.error().retry == Retry::later));
    inner = Done{};
    BOOST_TEST(store->write(write_inside).has_value());
    BOOST_TEST(!inner.has_value());
    BOOST_TEST(get(*store, Table::held, "a") == "(none)");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(index_keys_depend_on_label_text_and_key, Factory, AllStores)
{
    Opened<Factory> store;
    const std::string a = store->index_key("code", "x");
    BOOST_TEST(a.size() == 16u);
    BOOST_TEST((a == store->index_key("code", "x")));
    BOOST_TEST((a != store->index_key("contact", "x")));
    BOOST_TEST((store->index_key("a", "bc") != store->index_key("ab", "c")));
    Scratch elsewhere;
    auto other = Factory::open(elsewhere.path(), {}, 'z');
    BOOST_TEST_REQUIRE(other.has_value());
    BOOST_TEST(((*other)->index_key("code", "x") != a));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_process_and_the_right_key, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(put(*store, Table::held, "a", "1"));
    const auto second = Factory::open(store.place());
    BOOST_TEST_REQUIRE(!second.has_value());
    BOOST_TEST(second.error().why.find(std::to_string(::getpid())) != std::string::npos);
    store.close();
    const auto wrong = Factory::open(store.place(), {}, 'w');
    BOOST_TEST_REQUIRE(!wrong.has_value());
    BOOST_TEST((wrong.error().reason == Reason::configuration));
    store.reopen();
    BOOST_TEST(get(*store, Table::held, "a") == "1");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stat_counts, Factory, AllStores)
{
    Opened<Factory> store;
    BOOST_TEST(put(*store, Table::quota, "a", "1"));
    const auto stat = store->stat();
    BOOST_TEST_REQUIRE(stat.has_value());
    BOOST_TEST(stat->schema == schema_number);
    BOOST_TEST(stat->entries.size() == table_count);
    for (const auto& [name, number] : stat->entries)
        BOOST_TEST(number == (name == "quota" ? 1u : name == "meta" ? 2u : 0u), name);
}
