#include <boost/test/unit_test.hpp>
#include <string>

#include "milter/base/cut_text.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(a_text_is_not_cut_within_a_character)
{
    BOOST_TEST(cut_text("short", 8) == "short");
    BOOST_TEST(cut_text("12345678", 8) == "12345678");
    BOOST_TEST(cut_text("123456789", 8) == "12345...");
    BOOST_TEST(cut_text("1234\xc3\xa4"
                        "6789",
                        8) == "1234...");
    BOOST_TEST(cut_text(std::string(9, '\x80'), 8).size() <= 8u);
}
