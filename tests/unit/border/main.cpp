#define BOOST_TEST_MODULE border
#include <boost/test/unit_test.hpp>
