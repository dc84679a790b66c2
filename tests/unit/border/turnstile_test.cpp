// A session that has overtaken another one's message as a whole waits for it, but not for one that does not move.
#include "milter/turnstile.h"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "milter/base/metrics.h"

using namespace direct;

namespace {

constexpr milliseconds long_time{60000};

BOOST_AUTO_TEST_CASE(first_messages_wait_for_nobody)
{
    Turnstile turnstile(long_time, long_time);
    Turnstile::Guest slow(turnstile), quick(turnstile);
    slow.begin();
    quick.begin();
    quick.wait_turn();  // would hang for a minute
    quick.leave();
}

BOOST_AUTO_TEST_CASE(who_overtook_a_whole_message_waits_for_it)
{
    Turnstile turnstile(long_time, long_time);
    Turnstile::Guest starved(turnstile), quick(turnstile);
    starved.begin();
    quick.begin();
    quick.wait_turn();
    quick.leave();
    quick.begin();
    const auto before = metric_value(Metric::turn_wait_seconds);
    std::thread other([&] {
        for (int step = 0; step < 20; ++step) starved.moved();
        starved.wait_turn();  // its first one: waits for nobody
        starved.leave();
    });
    quick.wait_turn();
    other.join();
    BOOST_TEST(metric_value(Metric::turn_wait_seconds) == before + 1);
    quick.leave();
    starved.begin();
    quick.begin();  // both have had the same: nobody waits
    quick.wait_turn();
    starved.wait_turn();
}

BOOST_AUTO_TEST_CASE(who_does_not_move_is_not_waited_for)
{
    Turnstile turnstile(milliseconds(1), long_time);
    Turnstile::Guest still(turnstile), quick(turnstile);
    still.begin();
    for (int i = 0; i < 3; ++i) {
        quick.begin();
        quick.wait_turn();  // would hang for a minute
        quick.leave();
    }
    still.wait_turn();
    still.leave();
}

BOOST_AUTO_TEST_CASE(there_is_a_longest_wait)
{
    Turnstile turnstile(milliseconds(1), milliseconds(20));
    Turnstile::Guest busy(turnstile), quick(turnstile);
    busy.begin();
    quick.begin();
    quick.leave();
    quick.begin();
    std::jthread moves([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) busy.moved();
    });
    quick.wait_turn();
}

BOOST_AUTO_TEST_CASE(a_session_that_closes_leaves)
{
    Turnstile turnstile(long_time, long_time);
    Turnstile::Guest quick(turnstile);
    {
        Turnstile::Guest gone(turnstile);
        gone.begin();
        quick.begin();
        quick.leave();
        quick.begin();
    }
    quick.wait_turn();
}

}  // namespace
