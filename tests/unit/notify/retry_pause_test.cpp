#include "milter/notify/retry_pause.h"

#include <boost/test/unit_test.hpp>

using namespace direct;

BOOST_AUTO_TEST_CASE(pauses_double_up_to_their_bound)
{
    Settings settings;
    settings.reinject_retry_min = std::chrono::seconds(5);
    settings.reinject_retry_max = std::chrono::seconds(60);
    BOOST_TEST((retry_pause(1, settings) == std::chrono::seconds(5)));
    BOOST_TEST((retry_pause(2, settings) == std::chrono::seconds(10)));
    BOOST_TEST((retry_pause(4, settings) == std::chrono::seconds(40)));
    BOOST_TEST((retry_pause(5, settings) == std::chrono::seconds(60)));
    BOOST_TEST((retry_pause(UINT32_MAX, settings) == std::chrono::seconds(60)));
}
