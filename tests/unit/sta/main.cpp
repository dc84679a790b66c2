#define BOOST_TEST_MODULE sta
#include <boost/test/unit_test.hpp>
