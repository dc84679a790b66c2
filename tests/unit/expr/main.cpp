#define BOOST_TEST_MODULE expr
#include <boost/test/unit_test.hpp>
