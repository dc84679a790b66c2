// The same document again, later versions, addenda, in every order of arrival; and who may replace what.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

const Json first_version = said(ccd("d1", {{"setId", "set"}, {"versionNumber", "1"}}), {allergy("old")});
const Json second_version = said(ccd("d2", {{"setId", "set"}, {"versionNumber", "2"}}), {allergy("new")});

Json related(const char* type, const std::string& id, const std::string& by = "d2")
{
    return said(ccd(by, {{"relatedDocuments", {{{"typeCode", type}, {"ids", {{{"root", id}}}}}}}}),
                {allergy("new")});
}

std::string notes(Chart& c, const std::string& message)
{
    return join(c.place_of(message)->notes, " ");
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_bytes_give_their_items_once)
{
    Chart c;
    const auto one = c.settled(first_version), two = c.settled(first_version);
    BOOST_TEST(c.state(one) == "current");
    BOOST_TEST(c.state(two) == "repeats");
    BOOST_TEST(c.place_of(two)->other == part_key(one, 1));
    BOOST_TEST(c.found() == "old");
    BOOST_TEST(c.store.rows(Table::item) == 1u);
    BOOST_TEST(c.store.rows(Table::document) == 2u);
}

BOOST_AUTO_TEST_CASE(the_same_id_version_and_content_in_other_bytes_are_the_same)
{
    Chart c;
    auto once = first_version, again = first_version;
    once["items"][0]["offset"] = 12;
    again["items"][0]["offset"] = 4711;
    again["document"]["encoding"] = "UTF-16";
    c.settled(once);
    const auto two = c.settled(again);
    BOOST_TEST(c.state(two) == "repeats");
    again["items"].push_back(allergy("more"));
    const auto three = c.settled(again);
    BOOST_TEST(c.state(three) == "current");
    BOOST_TEST(notes(c, three) == "same-id-other-content");
    BOOST_TEST(c.store.rows(Table::item) == 3u);
}

BOOST_AUTO_TEST_CASE(twice_in_one_message_is_once)
{
    Chart c;
    c.take({first_version, first_version});
    c.settle();
    BOOST_TEST(c.found() == "old");
    BOOST_TEST(c.store.rows(Table::item) == 1u);
}

BOOST_AUTO_TEST_CASE(a_higher_version_of_the_set_replaces_in_any_order)
{
    for (const bool late : {false, true}) {
        Chart c;
        const auto one = late ? "" : c.settled(first_version);
        const auto two = c.settled(second_version);
        const auto older = late ? c.settled(first_version) : one;
        BOOST_TEST(c.state(older) == "superseded");
        BOOST_TEST(c.place_of(older)->other == part_key(two, 1));
        BOOST_TEST(c.state(two) == "current");
        BOOST_TEST(c.found() == "new");
        BOOST_TEST(c.all().size() == std::string("new old").size());
        BOOST_TEST(notes(c, older).empty());
    }
    Chart c;
    c.take({second_version, first_version});
    c.settle();
    BOOST_TEST(c.found() == "new");
}

BOOST_AUTO_TEST_CASE(version_ten_is_later_than_nine_and_words_are_no_version)
{
    Chart c;
    auto at = [](const std::string& id, const std::string& version) {
        return said(ccd(id, {{"setId", "set"}, {"versionNumber", version}}), {allergy("v" + version)});
    };
    c.settled(at("a", "9"));
    c.settled(at("b", "10"));
    BOOST_TEST(c.found() == "v10");
    c.settled(at("c", "11b"));
    BOOST_TEST(c.found({.section = "allergies"}).size() == std::string("v10 v11b").size());
}

BOOST_AUTO_TEST_CASE(rplc_names_the_older_by_id_or_set)
{
    for (const bool late : {false, true})
        for (const auto& later :
             {related("RPLC", "d1"),
              said(ccd("d2",
                       {{"relatedDocuments",
                         {{{"typeCode", "RPLC"},
                           {"parentDocument", {{"setId", {{"root", "set"}}}, {"versionNumber", "1"}}}}}}}),
                   {allergy("new")})}) {
            Chart c;
            if (late) c.settled(later);
            const auto one = c.settled(first_version);
            if (!late) c.settled(later);
            BOOST_TEST(c.state(one) == "superseded");
            BOOST_TEST(c.found() == "new");
        }
}

BOOST_AUTO_TEST_CASE(an_addendum_stands_beside_what_it_adds_to)
{
    for (const bool late : {false, true}) {
        Chart c;
        auto addendum = late ? c.settled(related("APND", "d1")) : "";
        const auto one = c.settled(first_version);
        if (!late) addendum = c.settled(related("APND", "d1"));
        BOOST_TEST(c.state(one) == "current");
        BOOST_TEST(c.state(addendum) == "current");
        BOOST_TEST(c.place_of(addendum)->appends == part_key(one, 1));
        BOOST_TEST(c.found().size() == std::string("new old").size());
    }
}

BOOST_AUTO_TEST_CASE(a_chain_out_of_order_leaves_the_last)
{
    Chart c;
    const auto a = c.settled(said(ccd("a"), {allergy("a")}));
    const auto third = c.settled(related("RPLC", "b", "c"));
    const auto b = c.settled(related("RPLC", "a", "b"));
    BOOST_TEST(c.state(a) == "superseded");
    BOOST_TEST(c.state(b) == "superseded");
    BOOST_TEST(c.state(third) == "current");
}

BOOST_AUTO_TEST_CASE(nobody_else_makes_a_senders_items_vanish)
{
    for (const bool stranger_first : {false, true}) {
        Chart c;
        const auto theirs = stranger_first ? c.settled(second_version, "eve@evil.example") : "";
        const auto mine = c.settled(first_version);
        const auto stranger = stranger_first ? theirs : c.settled(second_version, "eve@evil.example");
        BOOST_TEST(c.state(mine) == "current");
        BOOST_TEST(c.state(stranger) == "current");
        BOOST_TEST(notes(c, stranger_first ? mine : stranger) == "other-sender");
    }
    Chart c;
    const auto mine = c.settled(first_version);
    c.settled(related("RPLC", "d1"), "eve@sub.there.example");
    BOOST_TEST(c.state(mine) == "current");
}

BOOST_AUTO_TEST_CASE(within_a_shared_domain_the_organisation_decides)
{
    Chart c;
    const auto mine = c.settled(first_version, "doc@hisp.example", "Clinic A");
    c.settled(second_version, "other@hisp.example", "Clinic B");
    BOOST_TEST(c.state(mine) == "current");
    auto third = second_version;
    third["document"]["versionNumber"] = "3";
    c.settled(third, "colleague@hisp.example", "Clinic A");
    BOOST_TEST(c.state(mine) == "superseded");
}

BOOST_AUTO_TEST_CASE(another_patients_document_replaces_nothing)
{
    Chart c;
    const auto mine = c.settled(first_version);
    auto other = second_version;
    other["document"]["patient"]["ids"][0]["extension"] = "2";
    const auto two = c.settled(other);
    BOOST_TEST(c.state(mine) == "current");
    BOOST_TEST(notes(c, two) == "other-patient");
    // Without an identifier name and birth time must agree.
    auto nameless = second_version;
    nameless["document"]["versionNumber"] = "3";
    nameless["document"]["patient"] = {{"name", "ANN"}, {"birthTime", "1962"}};
    c.settled(nameless);
    BOOST_TEST(c.state(mine) == "current");
    nameless["document"]["versionNumber"] = "4";
    nameless["document"]["patient"]["birthTime"] = "1961";
    c.settled(nameless);
    BOOST_TEST(c.state(mine) == "superseded");
    // A document about nobody is a version of nothing.
    auto nobody = second_version;
    nobody["document"]["versionNumber"] = "5";
    nobody["document"].erase("patient");
    BOOST_TEST(c.state(c.settled(nobody)) == "current");
}

BOOST_AUTO_TEST_CASE(two_that_replace_each_other_both_stay_and_a_ring_keeps_one)
{
    Chart c;
    const auto a = c.settled(related("RPLC", "b", "a")), b = c.settled(related("RPLC", "a", "b"));
    BOOST_TEST(c.state(a) == "current");
    BOOST_TEST(c.state(b) == "current");
    BOOST_TEST(notes(c, b) == "circular");
    Chart ring;
    const std::vector<std::string> all{ring.settled(related("RPLC", "c", "a")),
                                       ring.settled(related("RPLC", "a", "b")),
                                       ring.settled(related("RPLC", "b", "c"))};
    int current = 0;
    for (const auto& id : all) current += ring.state(id) == "current";
    BOOST_TEST(current == 1);
}

BOOST_AUTO_TEST_CASE(records_do_not_know_each_other)
{
    Chart c;
    const auto ann = c.take({first_version}, {"ann@here.example"});
    c.settle();
    const auto both = c.take({first_version}, {"ann@here.example", "BEN@here.example"});
    c.settle();
    BOOST_TEST(c.state(both) == "repeats");
    BOOST_TEST(c.state(both, 0, "ben@here.example") == "current");
    BOOST_TEST(c.found() == "old");
    BOOST_TEST(c.found({}, "ben@here.example") == "old");
    BOOST_TEST(c.found({}, "cid@here.example").empty());
    c.take({second_version}, {"ben@here.example"});
    c.settle();
    BOOST_TEST(c.state(ann) == "current");
    BOOST_TEST(c.found() == "old");
    BOOST_TEST(c.found({}, "ben@here.example") == "new");
}

BOOST_AUTO_TEST_CASE(inner_documents_are_documents_of_their_own)
{
    Chart c;
    const auto one = c.settled(first_version);
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {second_version, said(ccd("d9"), {allergy("nine"), allergy("ten")}),
                           Json{{"status", "malformed"}}};
    const auto two = c.settled(package);
    BOOST_TEST(c.state(one) == "superseded");
    BOOST_TEST(c.state(two, 1) == "current");
    BOOST_TEST(c.state(two, 2) == "current");
    BOOST_TEST(c.state(two, 3) == "");
    BOOST_TEST(c.store.rows(Table::document) == 5u);
    std::optional<DocumentRecord> row;
    BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto value, txn.get(Table::document, inner_key(part_key(two, 1), 2)));
        TRY(row, decode_document(*value));
        return Done{};
    }));
    BOOST_TEST(row->first_item == 2u);
    BOOST_TEST(row->items == 2u);
    BOOST_TEST(row->filename == "inner.xml");
    BOOST_TEST(row->size == package["children"][1].dump().size());
    // The same package again has nothing new, and what lies in a package is the same outside of it.
    const auto again = c.settled(package), outside = c.settled(second_version);
    BOOST_TEST(c.state(again, 1) == "repeats");
    BOOST_TEST(c.state(again, 2) == "repeats");
    BOOST_TEST(c.state(outside) == "repeats");
    BOOST_TEST(c.place_of(outside)->other == inner_key(part_key(two, 1), 1));
    BOOST_TEST(c.store.rows(Table::item) == 4u);
}

BOOST_AUTO_TEST_CASE(when_the_first_expires_a_repeat_takes_its_place)
{
    Chart c;
    const auto one = c.settled(first_version);
    const auto two = c.settled(first_version), three = c.settled(first_version);
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
    BOOST_TEST(c.store.rows(Table::item) == 0u);
    BOOST_TEST(c.store.rows(Table::pending) == 1u);
    c.settle();
    BOOST_TEST(c.found() == "old");
    BOOST_TEST(c.state(three) == "current");  // the newest: it lasts longest
    BOOST_TEST(c.state(two) == "repeats");
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'001'000))).value() == 1u);
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
    BOOST_TEST(c.found() == "old");
    const auto four = c.settled(first_version);
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'002'000))).value() == 1u);
    c.settle();
    BOOST_TEST(c.state(four) == "current");
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
    for (const auto table : {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document,
                             Table::pending, Table::message, Table::content})
        BOOST_TEST(c.store.rows(table) == 0u, table_name(table));
    BOOST_TEST(c.store.data().contents.empty());
}

BOOST_AUTO_TEST_CASE(all_of_them_expiring_at_once_leave_nothing)
{
    Chart c;
    for (int n = 0; n < 3; ++n) c.settled(first_version);
    c.settled(second_version);
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 4u);
    for (const auto table :
         {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document, Table::pending})
        BOOST_TEST(c.store.rows(table) == 0u, table_name(table));
}

BOOST_AUTO_TEST_CASE(a_copy_of_another_sender_does_not_go_out_of_sight_with_its_first)
{
    // Eve had the document first. What she replaces is her own; the clinic's copy then shows its items.
    Chart c;
    const auto eve = c.settled(first_version, "eve@evil.example");
    const auto clinic = c.settled(first_version);
    BOOST_TEST(c.state(clinic) == "repeats");
    c.settled(second_version, "eve@evil.example");
    c.settle();
    BOOST_TEST(c.state(eve) == "superseded");
    BOOST_TEST(c.state(clinic) == "current");
    BOOST_TEST(c.found().find("old") != std::string::npos);
    BOOST_TEST(c.store.rows(Table::item) == 3u);
}

BOOST_AUTO_TEST_CASE(what_has_been_replaced_does_not_come_back_by_being_sent_again)
{
    Chart c;
    c.settled(first_version);
    c.settled(second_version);
    const auto again = c.settled(first_version);
    BOOST_TEST(c.state(again) == "repeats");
    BOOST_TEST(c.found() == "new");
    BOOST_TEST(c.store.rows(Table::item) == 2u);
}

BOOST_AUTO_TEST_CASE(more_neighbours_than_are_looked_at_leave_a_note)
{
    Chart c;
    c.settle();  // marks the store as one of this program
    std::string last;
    BOOST_REQUIRE(c.store.write(
        [&](WriteTxn& txn) -> Status {
            for (std::uint32_t n = 0; n <= neighbours_max; ++n) {
                RecordDocument d;
                d.document = part_key(std::string(16, 'x'), n);
                d.set_id = "set";
                d.sha256 = be32(n);
                PlacingWork work;
                TRY(d, place(txn, c.store, c.record(), d, work));
                last = join(d.notes, " ");
            }
            return Done{};
        },
        4096));
    BOOST_TEST(last.empty());
    BOOST_TEST(c.store.rows(Table::record_doc) == neighbours_max + 1);
    BOOST_TEST(c.store.rows(Table::doc_by) == 2 * neighbours_max + 2);
    BOOST_TEST(notes(c, c.settled(first_version)) == "too-many-neighbours");
}

BOOST_AUTO_TEST_CASE(generations_of_carriers_are_remembered_as_far_as_it_matters)
{
    Chart c;
    std::int64_t expires = 2'000'000;
    auto last = c.settled(first_version);
    const auto early = c.place_of(last)->document;
    for (std::size_t n = 0; n < inherits_max + 5; ++n, expires += 1000) {
        last = c.settled(first_version);
        BOOST_REQUIRE(expire_items(c.store, Time(milliseconds(expires))).value() == 1u);
        c.settle();
    }
    const auto place = c.place_of(last);
    BOOST_TEST(place->state == "current");
    BOOST_TEST(place->inherits.size() == inherits_max);
    BOOST_TEST(std::count(place->inherits.begin(), place->inherits.end(), early) == 0);
    BOOST_TEST(c.found() == "old");
}

BOOST_AUTO_TEST_CASE(documents_beyond_what_one_transaction_takes_are_kept_without_items)
{
    Chart c;
    std::vector<std::string> to;
    for (std::size_t n = 0; n < placements_max / 2; ++n)
        to.push_back("a" + std::to_string(n) + "@here.example");
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {first_version, said(ccd("late"), {allergy("late")})};
    const auto id = c.take({package}, to);
    c.settle();
    BOOST_TEST(c.state(id, 1, "a7@here.example") == "current");
    BOOST_TEST(c.state(id, 2, "a7@here.example") == "");
    BOOST_TEST(c.found({}, "a7@here.example") == "old");
    std::optional<DocumentRecord> row;
    BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) -> Status {
        TRY(const auto value, txn.get(Table::document, inner_key(part_key(id, 1), 2)));
        TRY(row, decode_document(*value));
        return Done{};
    }));
    BOOST_TEST(row->state == "limit");
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
    BOOST_TEST(c.store.rows(Table::record_doc) + c.store.rows(Table::item_by) == 0u);
}
