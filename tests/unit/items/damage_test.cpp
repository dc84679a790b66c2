// Rows that are damaged, or gone between two looks.
#include "milter/audit/audit.h"
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

namespace {

constexpr Time late(milliseconds(9'000'000));

/// Entries that tell of damage.
std::vector<AuditEntry> told(RecordStore& store)
{
    std::vector<AuditEntry> out;
    BOOST_REQUIRE(read_audit(store, {}, [&](const AuditEntry& e) {
        if (e.event == "items-damaged") out.push_back(e);
        return true;
    }));
    return out;
}

void nothing_is_left(Chart& c)
{
    for (const auto table : {Table::item, Table::item_by, Table::doc_by, Table::record_doc, Table::document,
                             Table::pending, Table::message})
        BOOST_TEST(c.store.rows(table) == 0u, table_name(table));
    BOOST_TEST(c.store.data().damaged.empty());
}

Json version(int number)
{
    const auto n = std::to_string(number);
    return said(ccd("d" + n, {{"setId", "set"}, {"versionNumber", n}}), {allergy("v" + n)});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_message_with_a_damaged_document_goes_when_its_time_has_passed_and_is_told_once)
{
    // It stayed for ever, with all that could be read of it, and was tried again at each round.
    Chart c;
    std::vector<std::string> ids;
    for (const char* name : {"a", "b", "c"}) ids.push_back(c.settled(said(ccd(name), {allergy(name)})));
    std::sort(ids.begin(), ids.end());
    const auto kept = c.take({said(ccd("kept"), {allergy("kept")})});
    c.settle();
    c.store.damage(Table::document, part_key(ids[0], 1));
    BOOST_REQUIRE(put_row(c.store, Table::document, part_key(ids[1], 1), "no record"));
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'002'000))).value() == 3u);
    for (const int n : {0, 1})
        BOOST_TEST(log.find(hex(ids[static_cast<std::size_t>(n)])) != std::string::npos);
    BOOST_TEST(log.find(hex(ids[2])) == std::string::npos);
    const auto entries = told(c.store);
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(entries[0].message_id == "<" + hex(ids[0]) + "@there.example>");
    BOOST_TEST(entries[0].detail.find("1 rows (documents)") != std::string::npos);
    // Nothing else has gone.
    BOOST_TEST(c.found() == "kept");
    BOOST_TEST(c.state(kept) == "current");
    BOOST_TEST(expire_items(c.store, late).value() == 1u);
    BOOST_TEST(told(c.store).size() == 2u);
    nothing_is_left(c);
}

BOOST_AUTO_TEST_CASE(whatever_row_of_a_message_is_damaged_it_goes_with_all_that_leads_to_it)
{
    Chart c;
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {version(1), said(ccd("other"), {allergy("other"), allergy("more")})};
    const auto id = c.take({package}, {"ann@here.example", "bob@here.example"});
    c.settle();
    const auto key = part_key(id, 1);
    const auto row = decode_document(c.store.data().tables.at(Table::document).at(key)).value();
    c.store.damage(Table::document, inner_key(key, 1));
    c.store.damage(Table::record_doc, c.record() + inner_key(key, 1));
    c.store.damage(Table::record_doc, c.record("bob@here.example") + inner_key(key, 2));
    c.store.damage(Table::item, item_key(id, 1, 2));
    c.store.damage(Table::content, row.content.id);
    for (const auto table : {Table::doc_by, Table::item_by, Table::message_by}) {
        const auto data = c.store.data();
        if (const auto rows = data.tables.find(table); rows != data.tables.end())
            for (const auto& one : rows->second) c.store.damage(table, one.first);
    }
    BOOST_TEST(expire_items(c.store, late).value() == 1u);
    std::string what;
    for (const auto& e : told(c.store)) what += e.detail.substr(0, e.detail.find(')') + 1) + "; ";
    BOOST_TEST(what == "1 rows (places); 1 rows (places); 1 rows (documents); 1 rows (items); ");
    nothing_is_left(c);
    BOOST_TEST(c.store.data().contents.empty());
    BOOST_TEST(verify_audit(c.store)->intact);
}

BOOST_AUTO_TEST_CASE(a_cut_removal_of_damaged_rows_is_finished_by_the_next)
{
    for (int cut = 0, left = 1; left != 0; ++cut) {
        Chart c;
        const auto id = c.settled(said(ccd("a"), {allergy("a"), allergy("b")}));
        c.store.damage(Table::record_doc, c.record() + part_key(id, 1));
        c.store.damage(Table::item, item_key(id, 1, 1));
        c.store.damage(Table::document, part_key(id, 1));
        c.store.fail_after(cut);
        left = expire_items(c.store, late) ? 0 : 1;
        c.store.fail_writes(0);
        BOOST_TEST(expire_items(c.store, late).value() == static_cast<std::size_t>(left));
        BOOST_TEST(told(c.store).size() == 3u);
        nothing_is_left(c);
        BOOST_REQUIRE(cut < 20);
    }
}

BOOST_AUTO_TEST_CASE(what_a_damaged_place_had_superseded_and_who_repeated_it_are_there_again)
{
    Chart c;
    const auto two = c.settled(version(2));
    const auto one = c.settled(version(1)), copy = c.settled(version(2));
    BOOST_TEST(c.state(one) == "superseded");
    BOOST_TEST(c.state(copy) == "repeats");
    c.store.damage(Table::record_doc, c.record() + part_key(two, 1));
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
    BOOST_TEST(c.found() == "v1");
    c.settle();
    BOOST_TEST(c.found() == "v2");
    BOOST_TEST(c.state(one) == "superseded");
}

BOOST_AUTO_TEST_CASE(those_whom_a_damaged_place_stood_for_find_somebody_else)
{
    // Only its own row told that it answered for what repeats a document gone before.
    Chart c;
    const auto first = c.settled(version(1)), old = c.settled(version(1)), heir = c.settled(version(1));
    auto row = c.place_of(old);
    row->received_ms = 0;  // by a clock that was set back: it outlives the heir
    BOOST_REQUIRE(put_row(c.store, Table::record_doc, c.record() + row->document, encode(*row)));
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2'000'000))).value() == 1u);
    c.settle();
    BOOST_TEST(c.state(heir) == "current");
    BOOST_TEST(c.state(old) == "repeats");
    BOOST_TEST(c.place_of(old)->other == part_key(first, 1));
    auto message = decode_message(c.store.data().tables.at(Table::message).at(old)).value();
    message.items_until_ms = 0;
    BOOST_REQUIRE(put_row(c.store, Table::message, old, encode(message)));
    c.store.damage(Table::record_doc, c.record() + part_key(heir, 1));
    BOOST_TEST(expire_items(c.store, late).value() == 1u);
    c.settle();
    BOOST_TEST(c.state(old) == "current");
    BOOST_TEST(c.found() == "v1");
}

BOOST_AUTO_TEST_CASE(a_damaged_neighbour_keeps_no_document_from_being_placed_and_none_from_leaving)
{
    // Each later version of the set waited for ever: its neighbour's row was a fault.
    Chart c;
    const auto one = c.settled(version(1)), two = c.settled(version(2));
    c.store.damage(Table::record_doc, c.record() + part_key(one, 1));
    const auto three = c.settled(version(3));
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
    BOOST_TEST(c.state(three) == "current");
    BOOST_TEST(c.state(two) == "superseded");
    // Read again, it is itself again.
    auto row = decode_document(c.store.data().tables.at(Table::document).at(part_key(one, 1))).value();
    row.state = "parsed";
    BOOST_REQUIRE(settle_document(c.store, part_key(one, 1), row, outcome_of(version(1))));
    BOOST_TEST(c.state(one) == "superseded");
    c.store.damage(Table::record_doc, c.record() + part_key(two, 1));
    c.store.damage(Table::record_doc, c.record() + part_key(three, 1));
    BOOST_TEST(expire_items(c.store, late).value() == 3u);
    nothing_is_left(c);
}

BOOST_AUTO_TEST_CASE(a_message_whose_own_row_is_damaged_keeps_no_other_from_expiring)
{
    // Its time is not known. The walk over the messages ended at it: none went any more at all.
    Chart c;
    std::vector<std::string> ids;
    for (const char* name : {"a", "b", "c"}) ids.push_back(c.settled(said(ccd(name), {allergy(name)})));
    std::sort(ids.begin(), ids.end());
    c.store.damage(Table::message, ids[0]);
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    BOOST_TEST(expire_items(c.store, late).value() == 2u);
    BOOST_TEST(log.find(hex(ids[0])) != std::string::npos);
    BOOST_TEST(c.store.rows(Table::message) == 1u);
    BOOST_TEST(c.store.rows(Table::document) == 1u);
    BOOST_TEST(c.state(ids[0]) == "current");
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

BOOST_AUTO_TEST_CASE(a_damaged_row_that_waits_is_told_once_and_waits_no_longer)
{
    // Twice a minute for ever; and a damaged row of those that wait kept all others from being read.
    Chart c;
    c.settle();
    const auto bad = c.take({said(ccd("bad"), {allergy("bad")})});
    const auto good = c.take({said(ccd("good"), {allergy("good")})});
    c.store.damage(Table::document, part_key(bad, 1));
    for (const auto& id : {bad, good}) c.store.damage(Table::pending, part_key(id, 1));
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    c.settle();
    c.settle();
    BOOST_TEST(c.found() == "good");
    BOOST_TEST(c.store.rows(Table::pending) == 0u);
    const auto told_at = log.find(hex(part_key(bad, 1)));
    BOOST_REQUIRE(told_at != std::string::npos);
    BOOST_TEST(log.find(hex(part_key(bad, 1)), told_at + 1) == std::string::npos);
    // As it was, until its time has passed.
    BOOST_TEST(c.store.data().is_damaged(Table::document, part_key(bad, 1)));
    BOOST_TEST(expire_items(c.store, late).value() == 2u);
    nothing_is_left(c);
}

BOOST_AUTO_TEST_CASE(sealed_rows_that_are_damaged_go_with_their_message_and_their_files_with_the_next_sweep)
{
    const Scratch scratch;
    auto opened = open_lmdb_store({.path = scratch.path() + "/store"}, Secret(std::string(32, 'k')));
    BOOST_REQUIRE(opened);
    auto& store = **opened;
    log_to([](int, const std::string&) {});
    const auto address = parse_address("ann@here.example").value();
    const auto record = record_key(store, address);
    for (const char id : {'a', 'b'}) {
        MessageRecord m;
        m.id = std::string(16, id);
        m.recipients = {"ann@here.example"};
        m.items_until_ms = 1000;
        auto content = store.prepare(std::string(1'000'000, id));
        BOOST_REQUIRE(content);
        BOOST_TEST((*content)->ref().in_file);
        auto row = parsed_row(m.id);
        row.content = (*content)->ref();
        RecordDocument d;
        d.document = part_key(m.id, 1);
        d.sha256 = m.id;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            PlacingWork work;
            CHECK((*content)->attach(txn));
            CHECK(txn.put(Table::message, m.id, encode(m)));
            CHECK(txn.put(Table::document, d.document, encode(row)));
            CHECK(txn.put(Table::item, item_key(m.id, 1, 1), allergy("x").dump()));
            for (const auto& key :
                 index_rows(store, record, item_key(m.id, 1, 1), facts_of_item(allergy("x").dump())))
                CHECK(txn.put(Table::item_by, key, be32(0)));
            TRY(d, place(txn, store, record, d, work));
            if (id == 'b') return Done{};
            auto& raw = static_cast<LmdbTxn&>(txn);
            CHECK(raw.put_raw(Table::item, item_key(m.id, 1, 1), "no sealed value"));
            CHECK(raw.put_raw(Table::record_doc, record + d.document, "no sealed value"));
            CHECK(raw.put_raw(Table::content, row.content.id, "no sealed value"));
            return Done{};
        }));
        (*content)->keep();
    }
    const auto contents = [&] { return store.stat().value().content_files; };
    BOOST_TEST(contents() == 2u);
    BOOST_TEST(expire_items(store, Time(milliseconds(2000))).value() == 2u);
    BOOST_TEST(store.sweep(0).has_value());
    log_to({});
    BOOST_TEST(contents() == 0u);
    BOOST_TEST(told(store).size() == 2u);
    BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
        for (const auto table : {Table::message, Table::document, Table::item, Table::item_by,
                                 Table::record_doc, Table::doc_by, Table::content}) {
            TRY(const auto rows, txn.entries(table));
            BOOST_TEST(rows == 0u, table_name(table));
        }
        return Done{};
    }));
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
