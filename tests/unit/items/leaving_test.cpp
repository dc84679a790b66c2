// Documents that leave a record: what they had superseded comes back; and what leaves while it is being read.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

Json version(int number)
{
    const auto n = std::to_string(number);
    return said(ccd("d" + n, {{"setId", "set"}, {"versionNumber", n}}), {allergy("v" + n)});
}

Json replacing(const std::string& id, const std::string& older = "")
{
    Json more = Json::object();
    if (!older.empty()) {
        const Json parent = {{"ids", {{{"root", older}}}}};
        more["relatedDocuments"] = {{{"typeCode", "RPLC"}, {"parentDocument", parent}}};
    }
    return said(ccd(id, more), {allergy(id)});
}

/// One document out of ann's record; in how many transactions.
int leave(Chart& c, const std::string& document)
{
    int transactions = 0;
    for (bool whole = false; !whole; ++transactions) {
        BOOST_REQUIRE(c.store.write(
            [&](WriteTxn& txn) -> Status {
                PlacingWork work;
                TRY(whole, displace(txn, c.store, c.record(), document, work));
                return Done{};
            },
            4096));
    }
    return transactions;
}

void nothing_is_left(Chart& c)
{
    for (const auto table : {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document,
                             Table::pending, Table::message, Table::content})
        BOOST_TEST(c.store.rows(table) == 0u, table_name(table));
    BOOST_TEST(c.store.data().contents.empty());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_version_before_is_current_again_when_the_later_one_expires)
{
    Chart c;
    const auto two = c.settled(version(2));
    const auto one = c.settled(version(1));
    BOOST_TEST(c.state(one) == "superseded");
    BOOST_TEST(c.found() == "v2");
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
    BOOST_TEST(c.state(two) == "");
    BOOST_TEST(c.state(one) == "current");
    BOOST_TEST(c.place_of(one)->other == "");
    BOOST_TEST(c.found() == "v1");
    BOOST_TEST(c.store.rows(Table::pending) == 0u);  // at once, nothing is read again
    BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
    nothing_is_left(c);
}

BOOST_AUTO_TEST_CASE(the_version_before_is_there_again_before_the_later_one_is_gone)
{
    // The later one's rows went in one transaction, and the earlier one came back in the next: whoever looked between
    // them found neither document.
    for (const int many : {1, 120}) {
        Chart c;
        std::vector<std::string> to;
        for (int n = 0; n < many; ++n) to.push_back("a" + std::to_string(n) + "@here.example");
        std::string wide(identity_bytes_max, 'w');
        Json later = version(2);
        for (int n = 0; n < 40 && many > 1; ++n)
            later["document"]["relatedDocuments"].push_back(
                {{"typeCode", "RPLC"}, {"ids", {{{"root", std::to_string(n) + wide.substr(9)}}}}});
        const auto two = c.take({later}, to);
        c.settle();
        const auto one = c.take({version(1)}, to);
        c.settle();
        std::size_t looks = 0;
        c.store.before_write = [&] {
            ++looks;
            const bool there = c.store.data().tables.at(Table::document).contains(part_key(two, 1));
            for (const auto& box : to) {
                const bool later_shown = there && c.state(two, 0, box) == "current";
                BOOST_TEST((later_shown || c.state(one, 0, box) == "current"));
                BOOST_TEST(!c.found({}, box).empty());
            }
        };
        BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
        c.store.before_write = nullptr;
        BOOST_TEST(looks >= (many == 1 ? 3u : 4u), looks);
        BOOST_TEST(c.state(one, 0, to.back()) == "current");
        BOOST_TEST(c.found({}, to.back()) == "v1");
    }
}

BOOST_AUTO_TEST_CASE(what_is_settled_while_its_message_leaves_many_records_leaves_them_again)
{
    // It is settled in between, and then again until it has gone.
    for (int when = 1, expired = 1; expired; ++when) {
        Chart c;
        c.settle();
        std::vector<std::string> to;
        for (int n = 0; n < 120; ++n) to.push_back("a" + std::to_string(n) + "@here.example");
        Json wide = version(1);
        for (int n = 0; n < 40; ++n)
            wide["document"]["relatedDocuments"].push_back(
                {{"typeCode", "RPLC"}, {"ids", {{{"root", std::to_string(n) + std::string(180, 'w')}}}}});
        const auto id = c.take({wide}, to);
        c.settle();
        const auto key = part_key(id, 1);
        auto row = decode_document(c.store.data().tables.at(Table::document).at(key)).value();
        int writes = 0;
        expired = 0;
        c.store.before_write = [&] {
            if (writes++ != when || expired) return;
            expired = 1;
            static_cast<void>(settle_document(c.store, key, row, outcome_of(wide)));
        };
        BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
        c.store.before_write = nullptr;
        nothing_is_left(c);
        BOOST_REQUIRE(when < 20);
    }
}

BOOST_AUTO_TEST_CASE(a_document_that_repeats_one_no_longer_found_beside_it_has_its_items)
{
    // It was placed while the other still had its place, and had no items when that one went.
    Chart c;
    c.settle();
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {version(1), version(1)};
    const auto id = c.settled(package);
    BOOST_TEST(c.state(id, 1) == "current");
    BOOST_TEST(c.state(id, 2) == "repeats");
    auto row = decode_document(c.store.data().tables.at(Table::document).at(part_key(id, 1))).value();
    package["children"][0]["status"] = "malformed";
    BOOST_REQUIRE(settle_document(c.store, part_key(id, 1), row, outcome_of(package)));
    BOOST_TEST(c.state(id, 1) == "");
    BOOST_TEST(c.state(id, 2) == "current");
    BOOST_TEST(c.found() == "v1");
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
}

BOOST_AUTO_TEST_CASE(the_latest_of_those_that_are_left_is_the_current_one)
{
    Chart c;
    const auto three = c.settled(version(3)), one = c.settled(version(1)), two = c.settled(version(2));
    BOOST_TEST(c.place_of(one)->other == part_key(three, 1));
    BOOST_TEST(leave(c, part_key(three, 1)) == 1);
    BOOST_TEST(c.state(two) == "current");
    BOOST_TEST(c.state(one) == "superseded");
    BOOST_TEST(c.place_of(one)->other == part_key(two, 1));
    leave(c, part_key(two, 1));
    BOOST_TEST(c.state(one) == "current");
    leave(c, part_key(one, 1));
    BOOST_TEST(c.store.rows(Table::record_doc) + c.store.rows(Table::doc_by) == 0u);
}

BOOST_AUTO_TEST_CASE(what_the_middle_of_a_chain_had_replaced_stays_replaced_by_its_end)
{
    Chart c;
    const auto b = c.settled(replacing("b", "a")), last = c.settled(replacing("c", "b")),
               a = c.settled(replacing("a"));
    BOOST_TEST(c.place_of(a)->other == part_key(b, 1));
    leave(c, part_key(b, 1));
    BOOST_TEST(c.state(a) == "superseded");
    BOOST_TEST(c.place_of(a)->other == part_key(last, 1));
    BOOST_TEST(c.found() == "c");
    // The end does not name it, and yet knows whom it hides.
    leave(c, part_key(last, 1));
    BOOST_TEST(c.state(a) == "current");
    BOOST_TEST(c.found() == "a");
}

BOOST_AUTO_TEST_CASE(what_comes_back_shows_its_items_once_though_another_sender_has_them_too)
{
    Chart c;
    const auto mine = c.settled(version(1));
    const auto later = c.settled(version(2));
    const auto theirs = c.settled(version(1), "eve@evil.example");
    BOOST_TEST(c.state(theirs) == "current");
    leave(c, part_key(later, 1));
    BOOST_TEST(c.state(mine) == "repeats");
    BOOST_TEST(c.found() == "v1");
    // When those go, mine are there again.
    leave(c, part_key(theirs, 1));
    c.settle();
    BOOST_TEST(c.state(mine) == "current");
    BOOST_TEST(c.found() == "v1");
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_later_version_takes_its_place_and_hides_the_one_before_again)
{
    Chart c;
    const auto two = c.settled(version(2));
    const auto one = c.settled(version(1)), copy = c.settled(version(2));
    BOOST_TEST(c.state(copy) == "repeats");
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
    BOOST_TEST(c.state(one) == "current");
    c.settle();
    BOOST_TEST(c.state(two) == "");
    BOOST_TEST(c.state(copy) == "current");
    BOOST_TEST(c.state(one) == "superseded");
    BOOST_TEST(c.place_of(one)->other == part_key(copy, 1));
    BOOST_TEST(c.found() == "v2");
}

BOOST_AUTO_TEST_CASE(a_repeat_that_goes_with_its_first_is_not_asked_to_stand_for_it)
{
    // It was, as it had come last: then nobody had the items, though another message still had the document.
    Chart c;
    const auto other = c.settled(version(1));
    const auto both = c.take({version(2), version(2)});
    c.settle();
    const auto kept = c.settled(version(2));
    BOOST_TEST(c.state(kept) == "repeats");
    auto row = c.place_of(kept);
    row->received_ms = 0;  // of an earlier day by the clock that was set back
    BOOST_REQUIRE(c.store.write(
        [&](WriteTxn& txn) { return txn.put(Table::record_doc, c.record() + row->document, encode(*row)); },
        4096));
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'001'000))).value() == 2u);
    BOOST_TEST(c.state(other) == "");
    BOOST_TEST(c.state(both) == "");
    c.settle();
    BOOST_TEST(c.state(kept) == "current");
    BOOST_TEST(c.found() == "v2");
}

BOOST_AUTO_TEST_CASE(many_that_come_back_take_several_transactions)
{
    Chart c;
    c.settle();  // marks the store as one of this program
    constexpr std::uint32_t many = 150;
    const auto key = [](std::uint32_t n) { return part_key(std::string(16, 'x'), n); };
    // The latest first: it supersedes each that comes.
    for (std::uint32_t n = many; n >= 1; --n)
        BOOST_REQUIRE(c.store.write(
            [&](WriteTxn& txn) -> Status {
                RecordDocument d;
                d.document = key(n);
                d.set_id = "set";
                d.version = n;
                d.domain = "there.example";
                d.patient = {"ip^1"};
                d.sha256 = be32(n);
                PlacingWork work;
                TRY(d, place(txn, c.store, c.record(), d, work));
                return Done{};
            },
            4096));
    BOOST_TEST(leave(c, key(many)) > 1);
    BOOST_REQUIRE(c.store.read([&](ReadTxn& txn) -> Status {
        for (std::uint32_t n = 1; n < many; ++n) {
            TRY(const auto row, placed(txn, c.record(), key(n)));
            BOOST_REQUIRE(row);
            BOOST_TEST(row->state == (n + 1 == many ? "current" : "superseded"));
            BOOST_TEST(row->other == (n + 1 == many ? "" : key(many - 1)));
        }
        return Done{};
    }));
    for (std::uint32_t n = 1; n < many; ++n) leave(c, key(n));
    BOOST_TEST(c.store.rows(Table::record_doc) + c.store.rows(Table::doc_by) == 0u);
}

BOOST_AUTO_TEST_CASE(what_expires_while_it_is_settled_leaves_nothing_wherever_both_are_cut)
{
    // Rows written after the attachment's own had gone were found by nobody when the process ended before it had
    // taken them back.
    const auto with_items = [](const std::string& id, int items) {
        auto d = said(ccd(id), {});
        for (int n = 0; n < items; ++n) d["items"].push_back(allergy(id + std::to_string(n), "2026"));
        return d;
    };
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {with_items("one", 600), with_items("two", 600)};
    for (int cut = 0; cut < 3; ++cut) {
        bool expired = true;
        for (int when = 0; expired; ++when) {
            Chart c;
            c.settle();
            c.take({package});
            expired = false;
            int writes = 0;
            c.store.before_write = [&] {
                if (writes++ != when || expired) return;
                expired = true;
                BOOST_TEST(expire_items(c.store, Time(milliseconds(9'000'000))).value() == 1u);
                c.store.fail_after(cut);
            };
            HandOver hand_over(c.store, c.pool, c.clock);
            hand_over.stop();
            HandOver second(c.store, c.pool, c.clock);
            static_cast<void>(second.pass());
            c.store.before_write = nullptr;
            c.store.fail_writes(0);
            BOOST_TEST_CONTEXT("expired before write " << when << ", cut after " << cut)
            {
                if (expired) nothing_is_left(c);
            }
            BOOST_REQUIRE(when < 100);
        }
    }
}

BOOST_AUTO_TEST_CASE(two_copies_settled_at_the_same_time_have_their_items_once)
{
    const auto document = version(1);
    bool beside = true;
    for (int when = 0; beside; ++when) {
        Chart c;
        c.settle();
        const auto one = c.take({document}), two = c.take({document});
        const auto settle_one = [&](const std::string& id) {
            const auto key = part_key(id, 1);
            auto row = decode_document(c.store.data().tables.at(Table::document).at(key)).value();
            row.state = "parsed";
            BOOST_REQUIRE(settle_document(c.store, key, row, outcome_of(document)));
        };
        beside = false;
        int writes = 0;
        c.store.before_write = [&] {
            if (writes++ != when || beside) return;
            beside = true;
            settle_one(two);
        };
        settle_one(one);
        c.store.before_write = nullptr;
        if (!beside) settle_one(two);
        BOOST_TEST_CONTEXT("the other before write " << when)
        {
            BOOST_TEST(c.store.rows(Table::pending) == 0u);
            BOOST_TEST(c.store.rows(Table::item) == 1u);
            BOOST_TEST(c.store.rows(Table::item_by) == 3u);
            BOOST_TEST(c.found() == "v1");
            BOOST_TEST((c.state(one) == "repeats") != (c.state(two) == "repeats"));
        }
        BOOST_REQUIRE(when < 20);
    }
}
