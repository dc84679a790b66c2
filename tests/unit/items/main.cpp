#define BOOST_TEST_MODULE items
#include <boost/test/unit_test.hpp>
