// What many ids, long ids and many versions cost the store's one writer.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(long_ids_do_not_make_long_rows)
{
    // They were kept as they came, once per record: 3 MB to 100 recipients were 300 MB in one transaction.
    const std::string mega(1'000'000, 'x');
    Json d = ccd(mega, {{"setId", mega + "s"}});
    d["patient"]["name"] = mega;
    for (int n = 0; n < 60; ++n) {
        const auto id = mega + std::to_string(n);
        if (n < 2) d["patient"]["ids"].push_back({{"root", "r"}, {"extension", id}});
        Json related = {{"typeCode", "RPLC"}, {"setId", std::to_string(n)}, {"ids", Json::array()}};
        for (int m = 0; m < 60; ++m) related["ids"].push_back({{"root", std::string(190, 'y')}});
        d["relatedDocuments"].push_back(related);
    }
    d["relatedDocuments"][0]["typeCode"] = mega;
    const auto facts = facts_of_document(d.dump());
    RecordDocument row;
    row.id = facts.id;
    row.set_id = facts.set_id;
    row.patient = facts.patient;
    row.related = facts.related;
    BOOST_TEST(encode(row).size() < 100 * (identity_bytes_max + 10));
    BOOST_TEST(facts.id.size() <= identity_bytes_max);
    BOOST_TEST(facts.id != facts.set_id);
    BOOST_TEST(facts.patient.size() == 4u);
    BOOST_TEST(facts.patient[1] != facts.patient[2]);
    BOOST_TEST(facts.related.size() == identities_max);
    // The bound itself is kept as it is.
    const std::string longest(identity_bytes_max, 'x');
    BOOST_TEST(facts_of_document(ccd(longest).dump()).id == longest);
    BOOST_TEST(facts_of_document(ccd(longest + "x").dump()).id != longest + "x");
}

BOOST_AUTO_TEST_CASE(documents_of_long_ids_still_find_each_other)
{
    Chart c;
    const std::string set(500, 's');
    const auto one = c.settled(said(ccd("d1", {{"setId", set}, {"versionNumber", "1"}}), {allergy("old")}));
    c.settled(said(ccd("d2", {{"setId", set}, {"versionNumber", "2"}}), {allergy("new")}));
    c.settled(said(ccd("d3", {{"setId", set + "t"}, {"versionNumber", "3"}}), {allergy("other")}));
    BOOST_TEST(c.state(one) == "superseded");
    // Without times they stand in no order.
    const auto found = c.found();
    BOOST_TEST((found == "other new" || found == "new other"), found);
}

BOOST_AUTO_TEST_CASE(a_package_of_many_documents_of_one_set_is_bounded_in_what_it_reads)
{
    // Each read all before it: a thousand tiny ones were half a million reads while all other mail waited.
    Chart c;
    Json package = said({{"kind", "xdm"}}, {});
    constexpr std::uint32_t many = 150;
    static_assert(many * (many - 1) / 2 > neighbour_reads_max && many < neighbours_max);
    for (std::uint32_t n = 0; n < many; ++n)
        package["children"].push_back(said(ccd("d" + std::to_string(n), {{"setId", "set"}}), {}));
    const auto id = c.settled(package);
    std::size_t noted = 0, placed = 0;
    bool in_order = true;
    for (std::uint32_t n = 1; n <= many; ++n) {
        const auto row = c.place_of(id, n);
        BOOST_REQUIRE(row);
        ++placed;
        const bool note = join(row->notes, " ") == "too-many-neighbours";
        in_order = in_order && (note || noted == 0);
        noted += note;
    }
    BOOST_TEST(in_order);
    // One hundred of them have 4950 pairs.
    BOOST_TEST(noted == many - 100);
    // The next mail has its own budget.
    const auto next = c.settled(said(ccd("next", {{"setId", "set"}}), {}));
    BOOST_TEST(join(c.place_of(next)->notes, " ") == "");
}

namespace {

/// Bytes of the rows that say what documents are in records, counted as placing counts them.
std::size_t placed_bytes(const Chart& c)
{
    std::size_t bytes = 0;
    const auto data = c.store.data();
    for (const auto table : {Table::record_doc, Table::doc_by})
        if (const auto rows = data.tables.find(table); rows != data.tables.end())
            for (const auto& [key, value] : rows->second) bytes += key.size() + value.size() + row_overhead;
    return bytes;
}

/// A document with as many and as long ids as are kept.
Json wordy(const std::string& id)
{
    Json more = {{"setId", id + std::string(150, 's')}, {"versionNumber", "1"}};
    for (int n = 0; n < 40; ++n) {
        const Json parent = {{"ids", {{{"root", id + std::to_string(n) + std::string(150, 'y')}}}}};
        more["relatedDocuments"].push_back({{"typeCode", "RPLC"}, {"parentDocument", parent}});
    }
    return said(ccd(id, more), {allergy(id)});
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_document_writes_into_many_records_is_bounded_in_each_transaction)
{
    // All records of a message were one transaction: 20,000 rows of 10 KB and their keys, while mail waited.
    Chart c;
    c.settle();
    std::vector<std::string> to;
    constexpr std::size_t many = 400;
    for (std::size_t n = 0; n < many; ++n) to.push_back("a" + std::to_string(n) + "@here.example");
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {wordy("one"), wordy("two")};
    const auto id = c.take({package}, to);
    std::size_t last = 0, most = 0, pages = 0;
    const auto look = [&] {
        const auto now = placed_bytes(c), change = std::max(now, last) - std::min(now, last);
        most = std::max(most, change);
        pages += change != 0;
        last = now;
    };
    // Cut in the middle, it is done again.
    c.store.before_write = look;
    c.store.fail_after(7);
    c.settle();
    c.store.fail_writes(0);
    BOOST_TEST(c.store.rows(Table::pending) == 1u);
    BOOST_TEST(pages >= 2u);
    c.settle();
    look();
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
    BOOST_TEST(c.store.rows(Table::record_doc) == 3 * many);
    BOOST_TEST(most <= placement_bytes_max + placement_bytes_max / 10, most);
    BOOST_TEST(pages >= last / placement_bytes_max, pages);
    for (const auto* box : {"a0@here.example", "a399@here.example"})
        for (const std::uint32_t inner : {1u, 2u}) BOOST_TEST(c.state(id, inner, box) == "current");
    BOOST_TEST(c.found({}, "a399@here.example").size() == std::string("one two").size());
    // They leave in pages too; what is freed costs less than what is written.
    most = pages = 0;
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
    look();
    BOOST_TEST(last == 0u);
    BOOST_TEST(most <= 2 * placement_bytes_max, most);
    BOOST_TEST(pages > 2u, pages);
}

BOOST_AUTO_TEST_CASE(documents_inside_one_attachment_that_become_rows_are_bounded)
{
    // 142 KB made 855,931 rows, 260 MB of them, and a message that took minutes to look at.
    Chart c;
    const Json leaf = said({{"kind", "file"}}, {});
    Json package = said({{"kind", "xdm"}}, {}), outer = package;
    for (int n = 0; n < 40; ++n) package["children"].push_back(leaf);
    for (int n = 0; n < 40; ++n) outer["children"].push_back(package);
    const auto id = c.settled(outer);
    BOOST_TEST(c.store.rows(Table::document) == 1 + inner_documents_max);
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
    const auto skipped = [&](const std::string& key) {
        std::string out;
        BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto value, txn.get(Table::document, key));
            TRY(const auto row, decode_document(value.value_or("")));
            out = row.skipped;
            return Done{};
        }));
        return out;
    };
    // 24 packages with their forty, and sixteen of the next.
    const auto key = part_key(id, 1);
    BOOST_TEST(skipped(key).find("15 more documents") != std::string::npos, skipped(key));
    BOOST_TEST(skipped(inner_key(key, 1)) == "[]");
    const auto last = skipped(inner_key(key, 1 + 24 * 41));
    BOOST_TEST(last.find("25 more documents") != std::string::npos, last);
}

BOOST_AUTO_TEST_CASE(one_placing_replaces_no_more_than_it_may_write)
{
    Chart c;
    c.settle();
    std::uint32_t number = 0;
    const auto place_one = [&](std::int64_t version, std::size_t wide) {
        RecordDocument d;
        d.document = part_key(std::string(16, 'x'), ++number);
        d.set_id = "set";
        d.version = version;
        d.domain = "there.example";
        d.patient = {"ip^1"};
        d.sha256 = be32(number);
        d.organisation = std::string(wide, 'o');
        PlacingWork work;
        BOOST_REQUIRE(c.store.write(
            [&](WriteTxn& txn) -> Status {
                work = {};
                TRY(d, place(txn, c.store, c.record(), d, work));
                return Done{};
            },
            4096));
        return std::pair(d, work.bytes);
    };
    for (int n = 0; n < 300; ++n) place_one(1, 10'000);
    const auto [row, bytes] = place_one(2, 10'000);
    BOOST_TEST(bytes > placement_bytes_max);
    BOOST_TEST(bytes < placement_bytes_max + 50'000, bytes);
    BOOST_TEST(join(row.notes, " ") == "too-many-neighbours");
    BOOST_TEST(row.state == "current");
}
