// Never more than one notice in an interval, and none about a record that has ended.
#include "milter/newuser/notice_queue.h"

#include <boost/test/unit_test.hpp>

#include "milter/notify/held_notice.h"
#include "tests/unit/newuser/notice_desk.h"

namespace {

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(the_first_goes_at_once_the_rest_in_a_digest)
{
    Queue q;
    const auto first = q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 0);
    BOOST_TEST(q.entries()[0].kind == "pickup-notice");
    BOOST_TEST(q.entries()[0].notify == "FAILURE");
    BOOST_TEST(q.entries()[0].message_id == first.id);
    q.send(q.entries()[0]);

    std::vector<HeldRecord> waiting;
    for (const char* contact : {"mila@example.net", "MILA@example.net", "mila@EXAMPLE.net"}) {
        q.later(10);
        waiting.push_back(q.add(contact));
        BOOST_REQUIRE(q.entries().size() == 1u);  // one digest replaces the notice before it
        BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 60);
        BOOST_TEST(q.entries()[0].message_id.size() == 16 * waiting.size());
    }
    const auto digest = q.entries()[0];
    const Parts p = parts_of(*q.store.content(digest.content, {}));
    BOOST_TEST(p.subject == "3 messages are waiting for you");
    for (const auto& r : waiting) {
        BOOST_TEST(contains(p.text, printable_code(r.code)));
        BOOST_TEST(contains(p.html, printable_code(r.code)));
    }
    BOOST_TEST(!contains(p.text, printable_code(first.code)));
    BOOST_TEST(q.store.data().contents.size() == 1u);  // the replaced ones are gone
    BOOST_TEST(!contains(q.store.dump(Table::notice), "mila"));

    // Somebody else is not concerned.
    q.add("bob@example.net");
    BOOST_TEST(q.entries().size() == 2u);

    // After the digest a new interval runs, then a notice goes at once again.
    q.later(35);
    q.send(digest);
    q.add();
    BOOST_TEST(q.minutes_from_start(q.entries().back()) == 120);
    q.send(q.entries().back());
    q.later(120);
    q.add();
    BOOST_TEST(q.minutes_from_start(q.entries().back()) == 185);
}

// The fault: after a notice under a clock that ran ahead, the next waited as long as that clock had been ahead.
BOOST_AUTO_TEST_CASE(a_clock_set_back_keeps_no_notice_back)
{
    Queue q;
    q.later(60 * 24);
    q.add();
    q.send(q.entries()[0]);
    q.later(-60 * 24);
    q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 0);
}

BOOST_AUTO_TEST_CASE(no_interval_no_digest)
{
    Queue q;
    q.settings.newuser_notice_interval = milliseconds(0);
    q.add();
    q.add();
    BOOST_TEST(q.entries().size() == 2u);
    for (const auto& e : q.entries()) BOOST_TEST(q.minutes_from_start(e) == 0);
}

BOOST_AUTO_TEST_CASE(two_at_the_same_moment)
{
    Queue q;
    const auto a = q.record(), b = q.record();
    const auto notice_a = q.prepare(a), notice_b = q.prepare(b);
    q.commit(a, notice_a);
    q.commit(b, notice_b);
    auto entries = q.entries();
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(q.minutes_from_start(entries[0]) == 0);
    BOOST_TEST(q.minutes_from_start(entries[1]) == 60);  // not both now
    q.later(1);
    q.add("Mila@example.net");
    entries = q.entries();
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(entries[1].message_id.size() == 32u);  // the postponed one was gathered
}

BOOST_AUTO_TEST_CASE(a_digest_that_was_sent_meanwhile)
{
    Queue q;
    q.add();
    q.send(q.entries()[0]);
    q.later(1);
    q.add();
    const auto late = q.record();
    q.later(1);
    HeldRecord r = late;
    r.contact = "mila@example.net";
    const auto prepared = q.prepare(r);
    BOOST_REQUIRE(prepared.replaces.size() == 1u);
    q.send(q.entries()[0]);
    q.commit(r, prepared);
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 120);  // one interval after the one that went
}

BOOST_AUTO_TEST_CASE(records_that_wait_no_more_are_left_out)
{
    Queue q;
    q.add();
    q.send(q.entries()[0]);
    HeldRecord gone = q.add();
    gone.state = "revoked";
    BOOST_REQUIRE(
        q.store.write([&](WriteTxn& txn) { return txn.put(Table::held, gone.id, encode(gone)); }, 100));
    const auto kept = q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.entries()[0].message_id == kept.id);
    BOOST_TEST(
        !contains(parts_of(*q.store.content(q.entries()[0].content, {})).text, printable_code(gone.code)));
}

// A record that had ended was still announced by the notice that waited for it.
BOOST_AUTO_TEST_CASE(the_notice_of_a_record_that_has_ended_is_taken_back)
{
    for (const char* end : {"expired", "revoked", "locked"}) {
        Queue q;
        q.add();
        q.send(q.entries()[0]);
        const auto a = q.add(), b = q.add();
        BOOST_REQUIRE(q.entries().size() == 1u);  // the digest
        const auto digest = q.entries()[0];
        q.end(a, end);
        BOOST_TEST(q.entries().empty());
        BOOST_TEST(q.store.data().contents.empty());
        BOOST_TEST(q.store.data().tables[Table::leg].count(*unhex(digest.envelope_id)) == 0u);
        // The other one still waits: it is told of anew, and not later.
        const auto again = notices_owed_again(q.store, 10);
        BOOST_REQUIRE(again);
        BOOST_REQUIRE(again->size() == 1u);
        BOOST_TEST(again->front().held_id == b.id);
        BOOST_TEST(again->front().due.time_since_epoch().count() == digest.due_ms);
        q.end(b, end);
        BOOST_TEST(notices_owed_again(q.store, 10)->empty(), "nobody is left to be told of");
    }
}

// One that is tried again and again is taken back too; another contact's is not.
BOOST_AUTO_TEST_CASE(a_notice_that_was_tried_is_taken_back)
{
    Queue q;
    const auto a = q.add();
    auto tried = q.entries()[0];
    tried.tries = 3;
    tried.due_ms += 1000;
    BOOST_REQUIRE(q.store.write([&](WriteTxn& txn) { return put_outbox(txn, q.entries()[0], tried); }, 100));
    q.later(1);
    const auto b = q.add(), other = q.add("bob@example.net");
    BOOST_TEST(q.entries().size() == 3u);
    q.end(a, "revoked");
    const auto left = q.entries();
    BOOST_REQUIRE(left.size() == 2u);
    for (const auto& e : left) BOOST_TEST((e.message_id == b.id || e.message_id == other.id));
}

// Its administrator finds it, but cannot send it any more once the record has ended.
BOOST_AUTO_TEST_CASE(a_notice_that_failed_stays_until_its_record_ends)
{
    Queue q;
    const auto a = q.add();
    auto failed = q.entries()[0];
    failed.state = "failed";
    BOOST_REQUIRE(q.store.write([&](WriteTxn& txn) { return put_outbox(txn, q.entries()[0], failed); }, 100));
    q.end(a, "notify-failed");
    BOOST_TEST(q.store.data().tables[Table::outbox].size() == 1u);
    q.end(a, "revoked");
    BOOST_TEST(q.store.data().tables[Table::outbox].empty());
}

}  // namespace
