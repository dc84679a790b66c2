// Very many documents that repeat one: what they cost when it leaves or is superseded, and that they do not stay behind.
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

constexpr std::uint32_t many = 1500;
static_assert(many > neighbours_max && many < neighbour_reads_max);

struct Crowd : Chart {
    Crowd() { settle(); }

    static RecordDocument document(const std::string& message, std::uint32_t part, std::int64_t number = 1)
    {
        RecordDocument d;
        d.document = part_key(message, part);
        d.set_id = "set";
        d.version = number;
        d.domain = "there.example";
        d.patient = {"ip^1"};
        d.sha256 = be64(static_cast<std::uint64_t>(number));
        d.received_ms = part;
        return d;
    }

    RecordDocument put(RecordDocument d, std::size_t* read = nullptr)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                PlacingWork work;
                TRY(d, place(txn, store, record(), d, work));
                if (read) *read = neighbour_reads_max - work.reads_left;
                return Done{};
            },
            4096));
        return d;
    }

    /// Copies of version 1 in one message, with the attachments they could be read from.
    void put_copies(const std::string& message, std::uint32_t count, const std::string& domain)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                for (std::uint32_t n = 1; n <= count; ++n) {
                    auto d = document(message, n);
                    d.domain = domain;
                    PlacingWork work;
                    TRY(d, place(txn, store, record(), d, work));
                    DocumentRecord row;
                    row.message_id = message;
                    row.part = n;
                    row.state = "parsed";
                    CHECK(txn.put(Table::document, d.document, encode(row)));
                }
                return Done{};
            },
            4096));
    }

    RecordDocument row_of(const std::string& document)
    {
        std::optional<RecordDocument> row;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(row, placed(txn, record(), document));
            return Done{};
        }));
        return row.value_or(RecordDocument{});
    }
};

const std::string first(16, 'a'), crowd(16, 'b'), last(16, 'z');

}  // namespace

BOOST_AUTO_TEST_CASE(those_that_repeat_a_document_are_counted_among_what_is_read)
{
    // A hundred thousand rows could be read while all mail waited, and none was counted.
    Crowd c;
    c.put(Crowd::document(first, 1));
    c.put_copies(crowd, many, "there.example");
    std::size_t read = 0;
    bool whole = false;
    const auto leave = [&](std::size_t reads_left) {
        BOOST_REQUIRE(c.store.write(
            [&](WriteTxn& txn) -> Status {
                PlacingWork work{.reads_left = reads_left};
                TRY(whole, displace(txn, c.store, c.record(), part_key(first, 1), work));
                read = reads_left - work.reads_left;
                return Done{};
            },
            4096));
    };
    // With too little left it stays where it is until the next transaction.
    leave(neighbours_max - 1);
    BOOST_TEST(!whole);
    BOOST_TEST(read == 0u);
    BOOST_TEST(c.row_of(part_key(first, 1)).state == "current");
    leave(neighbour_reads_max);
    BOOST_TEST(whole);
    BOOST_TEST(read == neighbours_max);
    BOOST_TEST(c.row_of(part_key(first, 1)).state == "");
    // One of them has been asked to stand for all.
    BOOST_TEST(c.store.rows(Table::pending) == 1u);
    const auto heir = c.store.data().tables.at(Table::pending).begin()->first;
    BOOST_TEST(c.row_of(heir).inherits.size() == 1u);
    c.put(c.row_of(heir), &read);
    BOOST_TEST(c.row_of(heir).state == "current");
}

BOOST_AUTO_TEST_CASE(
    a_document_that_too_many_repeat_is_superseded_only_when_none_of_another_source_goes_with_it)
{
    {
        Crowd c;
        c.put(Crowd::document(first, 1));
        c.put_copies(crowd, many, "there.example");
        c.put_copies(last, 1, "elsewhere.example");
        // Whether one of those behind the bound is of another source is not known: all stay in sight.
        std::size_t read = 0;
        const auto later = c.put(Crowd::document(last, 2, 2), &read);
        BOOST_TEST(later.state == "current");
        BOOST_TEST(join(later.notes, " ") == "too-many-neighbours");
        BOOST_TEST(read <= neighbours_max + 2);
        BOOST_TEST(c.row_of(part_key(first, 1)).state == "current");
        // The same when it comes before.
        BOOST_TEST(c.put(Crowd::document(first, 1)).state == "current");
    }
    // A stranger's thousand copies do not keep an old version in sight.
    Crowd c;
    c.put(Crowd::document(first, 1));
    c.put_copies(crowd, many, "evil.example");
    BOOST_TEST(c.put(Crowd::document(last, 2, 2)).state == "current");
    BOOST_TEST(c.row_of(part_key(first, 1)).state == "superseded");
    BOOST_TEST(c.store.rows(Table::pending) == 1u);
}

BOOST_AUTO_TEST_CASE(a_copy_is_found_behind_a_thousand_that_leave_with_the_first)
{
    Crowd c;
    c.put_copies(crowd, many, "there.example");
    c.put_copies(last, 1, "there.example");
    BOOST_TEST(c.row_of(part_key(crowd, 1)).state == "current");
    MessageRecord m;
    m.id = crowd;
    m.recipients = {"ann@here.example"};
    m.items_until_ms = 1;
    BOOST_REQUIRE(
        c.store.write([&](WriteTxn& txn) { return txn.put(Table::message, crowd, encode(m)); }, 100));
    BOOST_TEST(expire_items(c.store, Time(milliseconds(2))).value() == 1u);
    BOOST_TEST(c.store.rows(Table::record_doc) == 1u);
    BOOST_TEST(c.store.data().tables.at(Table::pending).contains(part_key(last, 1)));
    BOOST_TEST(c.put(c.row_of(part_key(last, 1))).state == "current");
}
