#define BOOST_TEST_MODULE records
#include <boost/test/unit_test.hpp>

#include "milter/base/log.h"

// One line per request would bury what failed.
struct QuietLog {
    QuietLog()
    {
        direct::log_to([](int, const std::string&) {});
    }
};
BOOST_TEST_GLOBAL_FIXTURE(QuietLog);
