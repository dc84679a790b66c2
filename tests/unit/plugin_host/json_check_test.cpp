// What the host takes for JSON is what the store and the pages read: an item that only one of both could read was in its
// message and in no list.
#include "plugins/host/json_check.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace direct;
using nlohmann::json;

namespace {

bool is_read(const std::string& text)
{
    return json::parse(text, nullptr, false).is_object();
}

const std::string nines(400, '9');

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_are_those_that_are_read)
{
    for (const std::string good :
         {"0", "-0", "1e308", "1.7976931348623157e308", "-1E+308", "1e-999", "0e999", "0.0e99999", "5e-324",
          "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890.5", "1e00000001"})
        for (const std::string& text :
             {"{\"v\":" + good + "}", "{\"a\":[" + good + "," + good + "]}", "{\"v\":" + good + " }"}) {
            BOOST_TEST(is_json_object(text), text);
            BOOST_TEST(is_read(text), text);
        }
    for (const std::string& bad : {std::string("1e999"), std::string("-1e999"), std::string("1e309"),
                                   std::string("1.8e308"), std::string("1e99999999999999999999"), nines,
                                   "-" + nines, nines + ".5", "1" + nines + "e0", "0." + nines + "e309"}) {
        const auto text = "{\"v\":" + bad + "}";
        BOOST_TEST(!is_json_object(text), text);
        BOOST_TEST(!is_read(text), text);
    }
    const auto fault = json_object_fault(R"({"v":[1,1e999]})");
    BOOST_REQUIRE(fault);
    BOOST_TEST(fault->at == 8u);
    BOOST_TEST(std::string(fault->what) == "a number that no double holds");
    // The bound itself; beyond it nobody is asked what it would be.
    BOOST_TEST(is_json_object("{\"v\":0." + std::string(json_number_max - 2, '1') + "}"));
    BOOST_TEST(!is_json_object("{\"v\":0." + std::string(json_number_max - 1, '1') + "}"));
}

BOOST_AUTO_TEST_CASE(strings_are_those_that_are_read)
{
    for (const std::string bad :
         {"\\uD800", "\\uD800x", "\\uDC00", "\\uD800\\uD800", "\\uD800\\n", "\\u12", "\\x", "\xff", "\xc3",
          "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x01", "\t"})
        for (const std::string& text : {"{\"v\":\"" + bad + "\"}", "{\"" + bad + "\":1}"}) {
            BOOST_TEST(!is_json_object(text), text);
            BOOST_TEST(!is_read(text), text);
        }
    for (const std::string good : {"\\uD83D\\uDE00", "\\u00e4", "\xf4\x8f\xbf\xbf", "\x7f", "\\/"})
        for (const std::string& text : {"{\"v\":\"" + good + "\"}", "{\"" + good + "\":1}"}) {
            BOOST_TEST(is_json_object(text), text);
            BOOST_TEST(is_read(text), text);
        }
}

// From pieces that mean something, put together by chance: what is good here is read there.
BOOST_AUTO_TEST_CASE(whatever_is_taken_is_read)
{
    const std::vector<std::string> pieces = {"{",           "}",
                                             "[",           "]",
                                             ":",           ",",
                                             "\"a\"",       "\"section\":",
                                             "\"\\uD800\"", "\"\\uD83D\\uDE00\"",
                                             "1",           "-",
                                             "0",           ".5",
                                             "e9",          "e99",
                                             "9999",        "E+3",
                                             "true",        "null",
                                             "nul",         " ",
                                             "\n",          "\"\xff\"",
                                             "\"\\u0000\"", "\"",
                                             "\\",          "{}",
                                             "{\"a\":1}",   "[1,2]",
                                             "\"b\":",      "\"c\":\"d\"",
                                             "\xc3\xa4",    "1e308",
                                             "1e309"};
    std::mt19937 chance(20261123);
    std::size_t taken = 0;
    for (int n = 0; n < 200'000; ++n) {
        std::string text = "{";
        const auto length = chance() % 9;
        for (std::size_t i = 0; i < length; ++i) text += pieces[chance() % pieces.size()];
        text += "}";
        if (!is_json_object(text)) continue;
        ++taken;
        BOOST_REQUIRE_MESSAGE(is_read(text), text);
        // Its members are those that are read.
        const auto object = json::parse(text);
        const auto members = json_members(text);
        BOOST_REQUIRE_MESSAGE(members.size() >= object.size(), text);
        for (const auto& member : members) {
            BOOST_REQUIRE_MESSAGE(json::accept(member.name) && json::accept(member.value), text);
            BOOST_REQUIRE_MESSAGE(object.contains(json::parse(member.name).get<std::string>()), text);
        }
    }
    BOOST_TEST(taken > 1000u);
}

BOOST_AUTO_TEST_CASE(members_are_found_wherever_they_stand)
{
    const std::string text =
        " { \"a\" : [1, {\"kind\":\"inner\"}] ,\"k\\u0069nd\" :\t\"c\\u0063d\" , \"b\\\"}\":\"},{\\\"\\\\\" "
        ",\"n\":-1.50e2 }\n";
    BOOST_REQUIRE(is_json_object(text));
    const auto members = json_members(text);
    BOOST_REQUIRE(members.size() == 4u);
    BOOST_TEST(members[0].value == "[1, {\"kind\":\"inner\"}]");
    BOOST_TEST(members[1].is_named("kind"));
    BOOST_TEST(members[2].value == "\"},{\\\"\\\\\"");
    BOOST_TEST(members[3].value == "-1.50e2");
    BOOST_TEST(json_text_member(text, "kind") == "ccd");
    BOOST_TEST(json_text_member(text, "n") == "");
    BOOST_TEST(json_text_member(text, "none") == "");
    BOOST_TEST(json_members("{}").empty());
    BOOST_TEST(json_members(" { } ").empty());
    BOOST_TEST(json_text_member(R"({"kind":"a","kind":"b"})", "kind") == "b");
    BOOST_TEST(json_text_member(R"({"kind":"a","kind":1})", "kind") == "");
}
