#include <boost/test/unit_test.hpp>

#include "milter/callbacks.h"
#include "milter/work_memory.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(postfix_spelling_of_a_socket_is_turned_into_libmilters)
{
    BOOST_TEST(*libmilter_socket("unix:/run/direct/milter.sock") == "unix:/run/direct/milter.sock");
    BOOST_TEST(*libmilter_socket("inet:127.0.0.1:8899") == "inet:8899@127.0.0.1");
    for (const char* bad : {"", "unix:relative", "inet:8899", "inet::8899", "local:/x", "inet:127.0.0.1:"})
        BOOST_TEST(!libmilter_socket(bad), bad);
}

BOOST_AUTO_TEST_CASE(work_memory_lets_in_what_fits_and_says_451_after_the_wait)
{
    WorkMemory memory(64u << 20, milliseconds(30));
    auto first = memory.enter(16u << 20);  // 40 MB + 8 MB
    BOOST_REQUIRE(first.has_value());
    auto second = memory.enter(16u << 20);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().retry == Retry::later));
    {
        auto gone = std::move(*first);
    }
    BOOST_TEST(memory.enter(16u << 20).has_value());
}

BOOST_AUTO_TEST_CASE(a_message_bigger_than_the_whole_bound_gets_in_alone)
{
    WorkMemory memory(64u << 20, milliseconds(30));
    auto alone = memory.enter(200u << 20);
    BOOST_REQUIRE(alone.has_value());
    BOOST_TEST(!memory.enter(1).has_value());
}
