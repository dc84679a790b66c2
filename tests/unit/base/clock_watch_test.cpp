#include "milter/base/clock_watch.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/metrics.h"

using namespace direct;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

/// A wall clock that can be set and a steady one that goes on.
struct Clocks {
    FixedClock wall{Time(hours(24 * 365 * 56))};
    std::chrono::nanoseconds steady{hours(1)};
    ClockWatch watch{wall, [this] { return steady; }};

    void pass(std::chrono::seconds time)
    {
        wall.set(wall.now() + time);
        steady += time;
    }
    void jump(std::chrono::seconds by) { wall.set(wall.now() + by); }
    bool right() { return watch.check().has_value(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(clock_watch)

BOOST_AUTO_TEST_CASE(time_that_passes_is_right)
{
    Clocks c;
    for (const auto step : {hours(0), hours(1), hours(24), hours(24 * 365)}) {
        c.pass(step);
        BOOST_TEST(c.right());
    }
}

BOOST_AUTO_TEST_CASE(small_corrections_do_not_add_up)
{
    Clocks c;
    for (int day = 0; day < 100; ++day) {
        c.pass(hours(24));
        c.jump(minutes(30));
        BOOST_TEST(c.right());
    }
}

BOOST_AUTO_TEST_CASE(a_jump_is_seen_until_the_clock_is_back)
{
    for (const auto by : {hours(7), -hours(7), hours(24 * 3650), -hours(24 * 3650)}) {
        Clocks c;
        const auto jumps = metric_value(Metric::clock_jumps_total);
        c.jump(by);
        for (int i = 0; i < 3; ++i) {
            const auto checked = c.watch.check();
            BOOST_REQUIRE(!checked);
            BOOST_TEST((checked.error().retry == Retry::later));
            c.pass(minutes(10));
        }
        BOOST_TEST(metric_value(Metric::clock_jumps_total) == jumps + 1);
        c.jump(-by);
        BOOST_TEST(c.right());
    }
}

BOOST_AUTO_TEST_CASE(a_new_time_that_stands_for_an_hour_is_believed)
{
    Clocks c;
    c.jump(hours(48));
    BOOST_TEST(!c.right());
    c.pass(minutes(59));
    BOOST_TEST(!c.right());
    c.pass(minutes(2));
    BOOST_TEST(c.right());
    c.pass(hours(24));
    BOOST_TEST(c.right());
}

BOOST_AUTO_TEST_CASE(a_clock_that_goes_on_jumping_is_not_believed)
{
    Clocks c;
    for (int i = 0; i < 10; ++i) {
        c.jump(hours(24));
        c.pass(minutes(30));
        BOOST_TEST(!c.right());
    }
}

BOOST_AUTO_TEST_CASE(the_administrator_decides)
{
    Clocks c;
    c.jump(-hours(24));
    BOOST_TEST(!c.right());
    c.watch.believe();
    BOOST_TEST(c.right());
}

BOOST_AUTO_TEST_SUITE_END()
