#define BOOST_TEST_MODULE ccr
#include <boost/test/unit_test.hpp>
