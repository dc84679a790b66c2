// Attachments that are read again because a plugin has been mended: "raise the version" did nothing for those that had died.
#include "milter/items/owe_again.h"
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Mending : Chart {
    DocumentRecord row(const std::string& message, std::uint32_t inner = 0)
    {
        DocumentRecord out;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            const auto key = part_key(message, 1);
            TRY(const auto value, txn.get(Table::document, inner ? inner_key(key, inner) : key));
            TRY(out, decode_document(value.value_or("")));
            return Done{};
        }));
        return out;
    }
    /// All pages; how many are owed.
    std::size_t again(std::string_view message, std::string_view plugin)
    {
        std::size_t owed = 0;
        for (std::string from;;) {
            const auto done = reparse(store, message, plugin, from);
            BOOST_REQUIRE(done);
            owed += done->owed;
            if (done->next.empty()) return owed;
            BOOST_REQUIRE(done->next > from);
            from = done->next;
        }
    }
};

Json failing(const char* status, const Json& mended)
{
    return {{"status", status}, {"mended", mended}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_plugin_failed_on_is_read_again)
{
    Mending c;
    c.settled(said(ccd("good"), {allergy("good")}));
    const auto crashed = c.settled(failing("crashed", said(ccd("a"), {allergy("a")})));
    const auto malformed = c.settled(failing("malformed", said(ccd("b"), {allergy("b")})));
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {{{"status", "timeout"}}};
    package["mended"] = said({{"kind", "xdm"}}, {});
    package["mended"]["children"] = {said(ccd("c"), {allergy("c")})};
    const auto inside = c.settled(package);
    BOOST_TEST(c.row(crashed).refused_by.size() == 3u);
    BOOST_TEST(c.found() == "good");
    c.pool.mended = true;
    for (const char* other : {"xdm", "ccd", "ccda 2.0", "ccda 1.", "1.0"})
        BOOST_TEST(c.again("", other) == 0u, other);
    BOOST_TEST(c.again(malformed, "ccda") == 1u);
    BOOST_TEST(c.again("", "ccda 1.0") == 2u);
    BOOST_TEST(c.store.rows(Table::pending) == 3u);
    c.settle();
    BOOST_TEST(c.row(crashed).state == "parsed");
    BOOST_TEST(c.row(crashed).refused_by.empty());
    BOOST_TEST(c.row(inside, 1).state == "parsed");
    const auto found = c.found();
    BOOST_TEST(found.size() == std::string("good a b c").size(), found);
    BOOST_TEST(c.again("", "ccda") == 0u);
}

BOOST_AUTO_TEST_CASE(what_an_earlier_reading_found_goes_and_what_it_replaced_is_there_again)
{
    Mending c;
    const Json old_set = {{"setId", "set"}, {"versionNumber", "1"}},
               new_set = {{"setId", "set"}, {"versionNumber", "2"}};
    const auto first = c.settled(said(ccd("d1", old_set), {allergy("old")}));
    // The plugin took another document's set for this one's, and a second document for one inside.
    Json wrong = said(ccd("d2", new_set), {allergy("wrong")});
    wrong["children"] = {said(ccd("phantom"), {allergy("phantom")})};
    wrong["mended"] = said(ccd("d2"), {allergy("right")});
    const auto second = c.settled(wrong);
    BOOST_TEST(c.state(first) == "superseded");
    c.pool.mended = true;
    BOOST_TEST(c.again(second, "") == 1u);
    // Until then it is as it was.
    BOOST_TEST(c.state(first) == "superseded");
    // Cut in the middle, it is done again.
    c.store.fail_after(3);
    c.settle();
    c.store.fail_writes(0);
    c.settle();
    BOOST_TEST(c.state(first) == "current");
    BOOST_TEST(c.state(second, 1) == "");
    BOOST_TEST(c.store.rows(Table::document) == 2u);
    BOOST_TEST(c.store.rows(Table::item) == 2u);
    const auto found = c.found();
    BOOST_TEST((found == "old right" || found == "right old"), found);
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 2u);
    for (const auto table :
         {Table::document, Table::item, Table::item_by, Table::record_doc, Table::doc_by, Table::pending})
        BOOST_TEST(c.store.rows(table) == 0u);
}

BOOST_AUTO_TEST_CASE(many_are_owed_in_pages)
{
    Mending c;
    c.settle();
    const auto id = std::string(16, 'm');
    constexpr std::size_t many = reparse_rows_max + 500;
    for (std::size_t from = 0; from < many; from += 500)
        BOOST_REQUIRE(c.store.write(
            [&](WriteTxn& txn) -> Status {
                for (std::size_t n = from; n < from + 500; ++n) {
                    DocumentRecord d;
                    d.message_id = id;
                    d.part = static_cast<std::uint32_t>(n + 1);
                    d.state = "crashed";
                    d.plugin = "ccda 1.0";
                    d.summary = std::string(4000, 's');
                    CHECK(txn.put(Table::document, part_key(id, d.part), encode(d)));
                }
                return Done{};
            },
            4 << 20));
    std::size_t writes = 0;
    c.store.before_write = [&] { ++writes; };
    const auto page = reparse(c.store, "", "ccda", "");
    BOOST_REQUIRE(page);
    BOOST_TEST(page->owed == reparse_rows_max);
    BOOST_TEST(!page->next.empty());
    // 8 MB of rows, 2 MB in one transaction.
    BOOST_TEST(writes >= 4u);
    const auto rest = reparse(c.store, "", "ccda", page->next);
    BOOST_REQUIRE(rest);
    BOOST_TEST(rest->owed == 500u);
    BOOST_TEST(rest->next == "");
    c.store.before_write = {};
    BOOST_TEST(c.store.rows(Table::pending) == many);
}
