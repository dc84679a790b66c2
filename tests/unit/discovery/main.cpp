#define BOOST_TEST_MODULE discovery
#include <boost/test/unit_test.hpp>
