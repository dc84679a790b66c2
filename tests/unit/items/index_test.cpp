// Items by section, by code and by time; what the keys tell; a cut anywhere; a store of an earlier program.
#include <set>

#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

Time at(const char* iso)
{
    return parse_iso8601(iso).value();
}

Json item(const std::string& section, const std::string& code, const std::string& time = "",
          const std::string& system = "2.16.6")
{
    auto out = allergy(code, time);
    out["section"] = section;
    out["code"]["codeSystem"] = system;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(times_are_read_as_far_as_they_are_told)
{
    const auto ms = [](const char* iso) { return at(iso).time_since_epoch().count(); };
    BOOST_TEST(beginning_of("1985").value() == ms("1985-01-01"));
    BOOST_TEST(beginning_of("2012-08").value() == ms("2012-08-01"));
    BOOST_TEST(beginning_of("2012-08-06").value() == ms("2012-08-06"));
    BOOST_TEST(beginning_of("2012-08-06T10").value() == ms("2012-08-06T10:00:00Z"));
    BOOST_TEST(beginning_of("2012-08-06T10:20-05:00").value() == ms("2012-08-06T15:20:00Z"));
    BOOST_TEST(beginning_of("2012-08-06T10:20:30.123+01:00").value() == ms("2012-08-06T09:20:30Z"));
    for (const char* bad :
         {"", "x", "201", "2012-13", "2012-08-06Tx", "2012-08-06T10:20:30 and more text", "2012x"})
        BOOST_TEST(!beginning_of(bad), bad);
}

BOOST_AUTO_TEST_CASE(an_item_is_known_by_the_codes_of_what_it_is_about)
{
    const auto facts = facts_of_item(R"({"section":"results","code":{"code":"panel","codeSystem":"L",
        "translations":[{"code":"t","codeSystem":"M"}]},"value":{"type":"CD","code":"v","codeSystem":"S"},
        "author":[{"code":{"code":"doctor","codeSystem":"N"}}],"status":"completed",
        "effectiveTime":[{"kind":"PIVL"},{"kind":"IVL","high":{"value":"2011"}}],
        "sub":[{"code":{"code":"part","codeSystem":"L"},"effectiveTime":{"value":"2013"}}]})");
    std::string codes;
    for (const auto& c : facts.codes) codes += c.system + "|" + c.code + " ";
    BOOST_TEST(codes == "L|panel S|v M|t L|part ");
    BOOST_TEST(facts.time_ms.value() == at("2011-01-01").time_since_epoch().count());
    // Whatever is in there: no code, no time, no fault.
    for (const char* odd :
         {"{}", "[]", "7", "", R"({"section":7,"code":{"code":[]},"effectiveTime":{"low":7},"sub":{}})",
          R"({"effectiveTime":{"low":{"value":{}}},"sub":[7,{"effectiveTime":7}]})"}) {
        BOOST_TEST(facts_of_item(odd).codes.empty(), odd);
        BOOST_TEST(!facts_of_item(odd).time_ms, odd);
    }
    Json many = {{"section", "x"}, {"sub", Json::array()}};
    for (int n = 0; n < 200; ++n) many["sub"].push_back({{"code", std::to_string(n)}});
    BOOST_TEST(facts_of_item(many.dump()).codes.size() == codes_per_item_max);
}

BOOST_AUTO_TEST_CASE(by_section_code_and_time_newest_first)
{
    Chart c;
    c.settled(said(ccd("a"), {item("results", "r1", "2025-03-01"), item("problems", "p1", "1999"),
                              item("results", "r0"), item("results", "x", "1850-01-01")}));
    c.settled(
        said(ccd("b"), {item("results", "r2", "2026-03-01"), item("problems", "r2", "2026-03-02", "other")}));
    BOOST_TEST(c.found() == "r2 r2 r1 p1 x r0");
    BOOST_TEST(c.found({.section = "results"}) == "r2 r1 x r0");
    BOOST_TEST(c.found({.section = "problems"}) == "r2 p1");
    BOOST_TEST(c.found({.section = "vitals"}) == "");
    BOOST_TEST(c.found({.code = "r2"}) == "r2 r2");
    BOOST_TEST(c.found({.code = "r2", .system = "other"}) == "r2");
    BOOST_TEST(c.found({.section = "results", .code = "r2"}) == "r2");
    BOOST_TEST(c.found({.since = at("1999-01-01")}) == "r2 r2 r1 p1");
    BOOST_TEST(c.found({.since = at("1999-01-01"), .until = at("2026-03-01")}) == "r1 p1");
    BOOST_TEST(c.found({.until = at("1999-01-01")}) == "x");
    BOOST_TEST(c.found({.section = "results", .since = at("2026-01-01")}) == "r2");
    BOOST_TEST(c.found({.since = at("1998-12-31"), .until = at("1999-01-01")}) == "");
}

BOOST_AUTO_TEST_CASE(a_page_begins_where_the_last_one_ended)
{
    Chart c;
    std::vector<Json> items;
    for (int n = 0; n < 25; ++n) items.push_back(item("results", "r", std::to_string(2000 + n / 3)));
    c.settled(said(ccd("a"), items));
    std::set<std::string> keys;
    std::string from;
    for (int pages = 0; pages < 5; ++pages) {
        std::size_t taken = 0;
        std::string next;
        BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) {
            return find_items(txn, c.store, {.record = c.record(), .section = "results"}, from,
                              [&](const FoundItem& found) {
                                  if (taken == 6) {
                                      next = found.row;
                                      return false;
                                  }
                                  ++taken;
                                  BOOST_TEST(keys.insert(found.key).second);
                                  return true;
                              });
        }));
        from = next;
        if (next.empty()) break;
    }
    BOOST_TEST(keys.size() == 25u);
}

BOOST_AUTO_TEST_CASE(keys_tell_neither_person_nor_section_nor_code_nor_date)
{
    Chart c;
    c.take({said(ccd("a", {{"setId", "set"}, {"relatedDocuments", {{{"typeCode", "RPLC"}, {"id", "b"}}}}}),
                 {item("results", "2345-7", "2026-03-01")})},
           {"ann@here.example", "ben@here.example"});
    c.settle();
    const auto data = c.store.data();
    std::set<std::string> views, times;
    for (const auto& [key, value] : data.tables.at(Table::item_by)) {
        BOOST_TEST(key.size() == 48u);
        for (const char* clear : {"2345", "results", "ann", "2.16.6"})
            BOOST_TEST(key.find(clear) == std::string::npos);
        views.insert(key.substr(0, 16));
        times.insert(key.substr(16, 8));
    }
    BOOST_TEST(views.size() == 6u);  // three ways in each of two records, no two alike
    BOOST_TEST(times.size() == 2u);  // the same moment looks different in another record
    for (const auto table : {Table::doc_by, Table::record_doc})
        for (const auto& [key, value] : data.tables.at(table)) {
            BOOST_TEST(key.size() == 36u);
            BOOST_TEST(key.find("set") == std::string::npos);
        }
}

BOOST_AUTO_TEST_CASE(a_cut_after_any_write_gives_everything_once)
{
    std::vector<Json> items;
    for (int n = 0; n < 1500; ++n) items.push_back(item("results", "r" + std::to_string(n), "2026-03-01"));
    Json package = said({{"kind", "xdm"}}, {item("problems", "p")});
    Json inner = said(
        ccd("in", {{"sections", {{{"name", "results"}, {"narrative", std::string(1000, 'n')}}}}}), items);
    package["children"] = {inner, said(ccd("in2"), {allergy("a")})};
    const auto run = [&](Chart& c, int cut) {
        c.settled(said(ccd("before", {{"setId", "s"}, {"versionNumber", "1"}}), {allergy("old")}));
        package["children"][1]["document"]["setId"] = "s";
        package["children"][1]["document"]["versionNumber"] = "2";
        c.take({package, package});
        if (cut >= 0) {
            c.store.fail_after(cut);
            HandOver hand_over(c.store, c.pool, c.clock);
            BOOST_REQUIRE(hand_over.pass());
        }
        c.store.fail_writes(0);
        c.settle();
        std::string sizes;
        for (const auto table :
             {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document, Table::pending})
            sizes += std::to_string(c.store.rows(table)) + " ";
        return sizes + std::to_string(c.store.data().contents.size());
    };
    Chart whole;
    const auto wanted = run(whole, -1);
    BOOST_TEST(whole.found({.section = "allergies"}) == "a");
    BOOST_TEST(whole.store.rows(Table::item) == 1503u);
    for (int cut = 0; cut < 12; ++cut) {
        Chart c;
        BOOST_TEST(run(c, cut) == wanted, "cut after " << cut);
        BOOST_TEST(c.found({.section = "allergies"}) == "a");
        BOOST_TEST(c.found({.section = "problems"}) == "p");
        BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 2u);
        for (const auto table :
             {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document})
            BOOST_TEST(c.store.rows(table) == 0u, table_name(table));
        BOOST_TEST(c.store.data().contents.empty());
    }
}

BOOST_AUTO_TEST_CASE(documents_in_work_are_not_seen)
{
    Chart c;
    std::vector<Json> items;
    for (int n = 0; n < 1500; ++n) items.push_back(item("results", "r", "2026-03-01"));
    c.settle();
    c.take({said(ccd("a"), items)});
    c.store.fail_after(2);
    {
        HandOver hand_over(c.store, c.pool, c.clock);
        BOOST_REQUIRE(hand_over.pass());
    }
    BOOST_TEST(c.store.rows(Table::item) > 0u);
    BOOST_TEST(c.found() == "");
}

BOOST_AUTO_TEST_CASE(a_store_without_the_index_is_read_again)
{
    Chart c;
    const auto id = c.settled(said(ccd("a"), {allergy("one", "2026")}));
    // As an earlier program left it: items and documents, no index, no mark.
    auto before = c.store.data();
    for (const auto table : {Table::item_by, Table::doc_by, Table::record_doc})
        for (const auto& [key, value] : before.tables[table])
            BOOST_REQUIRE(c.store.write(
                [&](WriteTxn& txn) -> Status {
                    CHECK(txn.erase(table, key));
                    return Done{};
                },
                100));
    BOOST_REQUIRE(c.store.write(
        [&](WriteTxn& txn) -> Status {
            CHECK(txn.erase(Table::meta, "items-index"));
            return txn.put(Table::item, part_key(id, 1) + be32(77), "{}");
        },
        100));
    c.settle();
    BOOST_TEST(c.found() == "one");
    BOOST_TEST(c.store.rows(Table::item) == 1u);
    const int asked = c.pool.asked;
    c.settle();
    BOOST_TEST(c.pool.asked == asked);
}

BOOST_AUTO_TEST_CASE(narratives_are_kept_aside)
{
    Chart c;
    const std::string words(300'000, 'w');
    const auto id = c.settled(said(
        ccd("a", {{"sections", {{{"name", "results"}, {"narrative", words}, {"narrativeHtml", words}}}}}),
        {}));
    const auto row = [&] {
        std::optional<DocumentRecord> out;
        BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto value, txn.get(Table::document, part_key(id, 1)));
            TRY(out, decode_document(*value));
            return Done{};
        }));
        return *out;
    }();
    BOOST_TEST(row.summary.size() < 1000u);
    BOOST_TEST(Json::parse(row.summary)["sections"][0]["name"] == "results");
    BOOST_TEST((Json::parse(c.store.content(row.whole, {}).value())["sections"][0]["narrative"] == words));
    // Without narratives there is nothing to keep aside; one that is long without them is cut down.
    const auto plain = facts_of_document(ccd("b").dump());
    BOOST_TEST(plain.summary_whole);
    const auto cut =
        facts_of_document(ccd("b", {{"sections", {std::string(70'000, 's')}}, {"author", "x"}}).dump());
    BOOST_TEST(!cut.summary_whole);
    BOOST_TEST(Json::parse(cut.summary)["author"] == "x");
    const auto least = facts_of_document(ccd("b", {{"author", std::string(70'000, 's')}}).dump());
    BOOST_TEST(Json::parse(least.summary)["id"] == "b");
    BOOST_TEST(least.summary.size() < 200u);
    Json many = ccd("b");
    for (int n = 0; n < 60; ++n) {
        many["patient"]["ids"].push_back({{"root", "r"}, {"extension", std::to_string(n)}});
        many["relatedDocuments"].push_back({{"typeCode", "RPLC"}, {"id", std::to_string(n)}});
    }
    const auto bounded = facts_of_document(many.dump());
    BOOST_TEST(bounded.patient.size() == identities_max + 1);  // and the name
    BOOST_TEST(bounded.related.size() == identities_max);
    for (const char* odd :
         {"", "[]", "{", R"({"patient":7,"id":[],"relatedDocuments":[7,{"ids":7,"setId":7}]})"})
        BOOST_TEST(facts_of_document(odd).id.empty(), odd);
}
