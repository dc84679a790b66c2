// Refusals before a verified signature leave on a grid (C14, O4).
#include <boost/test/unit_test.hpp>

#include "milter/answer_time.h"

using namespace direct;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(the_step_grows_with_each_begun_mebibyte)
{
    BOOST_TEST(answer_step(100ms, 0).count() == 100);
    BOOST_TEST(answer_step(100ms, 4096).count() == 100);
    BOOST_TEST(answer_step(100ms, 1u << 20).count() == 100);
    BOOST_TEST(answer_step(100ms, (1u << 20) + 1).count() == 200);
    BOOST_TEST(answer_step(100ms, 25u << 20).count() == 2500);
}

BOOST_AUTO_TEST_CASE(every_answer_within_a_step_leaves_at_its_end)
{
    const std::chrono::steady_clock::time_point begin{1234567ns};
    for (auto took : {0ns, 1ns, 1000000ns, 99999999ns, 100000000ns})
        BOOST_TEST((answer_at(begin, begin + took, 100ms) - begin == 100ms), took.count());
    BOOST_TEST((answer_at(begin, begin + 100000001ns, 100ms) - begin == 200ms));
    BOOST_TEST((answer_at(begin, begin + 5s, 100ms) - begin == 5s));
    // Whatever the work took, the answer is never before it.
    for (std::int64_t ns = 0; ns < 1'000'000'000; ns += 7'654'321) {
        const auto at = answer_at(begin, begin + std::chrono::nanoseconds(ns), 30ms);
        BOOST_TEST((at >= begin + std::chrono::nanoseconds(ns)));
        BOOST_TEST(((at - begin) % 30ms == 0ns));
    }
}
