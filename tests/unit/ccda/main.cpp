#define BOOST_TEST_MODULE ccda
#include <boost/test/unit_test.hpp>
