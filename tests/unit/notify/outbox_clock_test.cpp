// The outbox and a clock that jumps: nothing is put off for as long as the jump, and nothing given up for it.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/notify/owed_notice.h"
#include "tests/support/smtp_server.h"
#include "tests/unit/notify/post_office.h"

namespace {

using namespace direct;
using namespace direct::test;

// The fault: what was due by a clock that ran ahead waited as long as the clock had been ahead.
BOOST_AUTO_TEST_CASE(a_clock_set_back_puts_nothing_off)
{
    for (const auto back : {std::chrono::hours(24), std::chrono::hours(24 * 3650)}) {
        PostOffice o;
        SmtpServer::Script script;
        script.data = "451 4.3.0 no";
        o.server.next(script);
        const auto id = o.put({alice});
        BOOST_TEST(o.pass() == 0u);
        o.later(-back);
        o.server.next({});
        BOOST_TEST(o.pass() == 1u);
        BOOST_TEST(!o.entry(id));
        BOOST_TEST(join(o.settled(id).taken, " ") == alice);
    }
}

// The fault: one failure after a jump of the clock, or after a week without power, was the last try.
BOOST_AUTO_TEST_CASE(a_clock_set_forward_gives_nothing_up)
{
    PostOffice o;
    SmtpServer::Script script;
    script.data = "451 4.3.0 no";
    o.server.next(script);
    const auto id = o.put({alice});
    o.later(std::chrono::hours(24 * 3650));
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.entry(id)->state == "waiting");
    o.server.next({});
    o.later(std::chrono::hours(1));
    BOOST_TEST(o.pass() == 1u);
}

BOOST_AUTO_TEST_CASE(a_clock_set_back_puts_no_notice_off)
{
    PostOffice o;
    OwedNotice notice;
    notice.disposition = "processed";
    notice.recipient = alice;
    notice.sender = bob;
    notice.original_message_id = "<1@b.example>";
    const Time ahead = o.clock.now() + std::chrono::hours(48);
    BOOST_REQUIRE(
        o.store.write([&](WriteTxn& txn) { return owe_notice(txn, o.store, notice, ahead); }, 1000));
    const auto due = due_notices(o.store, o.clock.now(), 10);
    BOOST_REQUIRE((due && due->size() == 1u));
    BOOST_TEST(due->front().sender == bob);
    // An ordinary pause is kept.
    BOOST_REQUIRE(o.store.write(
        [&](WriteTxn& txn) {
            return put_off_notice(txn, due->front(), o.clock.now() + std::chrono::hours(1));
        },
        1000));
    BOOST_TEST(due_notices(o.store, o.clock.now(), 10)->empty());
}

}  // namespace
