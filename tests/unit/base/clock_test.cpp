#include "milter/base/clock.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/vectors.h"

using namespace direct;

BOOST_AUTO_TEST_SUITE(clock_)

BOOST_AUTO_TEST_CASE(dates_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("date.vec")) BOOST_TEST_CONTEXT(v)
        {
            const auto t = parse_iso8601(v.get("Text"));
            if (v.get("Result") == "input") {
                BOOST_REQUIRE(!t);
                BOOST_TEST((t.error().reason == Reason::input));
                continue;
            }
            BOOST_REQUIRE(t.has_value());
            BOOST_TEST(iso8601(*t) == v.get("Result"));
            if (v.has("Mail")) BOOST_TEST(rfc5322_date(*t) == v.get("Mail"));
        }
}

BOOST_AUTO_TEST_CASE(what_is_printed_reads_back)
{
    for (const std::int64_t ms :
         {0LL, 1LL, -1LL, 951'782'400'123LL, 4'102'444'799'999LL, -62'135'596'800'000LL}) {
        const Time t{milliseconds(ms)};
        BOOST_TEST_CONTEXT(iso8601(t)) BOOST_TEST((*parse_iso8601(iso8601(t)) == t));
    }
}

BOOST_AUTO_TEST_CASE(a_fixed_clock_stands)
{
    FixedClock clock(*parse_iso8601("2026-11-22"));
    const Clock& c = clock;
    BOOST_TEST(iso8601(c.now()) == "2026-11-22T00:00:00.000Z");
    clock.set(c.now() + seconds(90));
    BOOST_TEST(iso8601(c.now()) == "2026-11-22T00:01:30.000Z");
    BOOST_TEST((SystemClock().now() > *parse_iso8601("2020-01-01")));
}

BOOST_AUTO_TEST_SUITE_END()
