#define BOOST_TEST_MODULE newuser
#include <boost/test/unit_test.hpp>
