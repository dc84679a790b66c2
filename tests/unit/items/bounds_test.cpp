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
