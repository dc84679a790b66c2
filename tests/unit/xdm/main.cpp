#define BOOST_TEST_MODULE xdm
#include <boost/test/unit_test.hpp>
