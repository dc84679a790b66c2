#define BOOST_TEST_MODULE smime
#include <boost/test/unit_test.hpp>
