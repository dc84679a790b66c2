// Names that more than one row has.
#include "tests/unit/records/world.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(where_one_is_meant_a_message_id_of_several_is_refused_with_what_they_are)
{
    World w;
    put_message(w, message('m', 2000, "<x@y.example>"));
    put_message(w, message('n', 3000, "<x@y.example>"));
    put_message(w, message('o', 4000, "<other@y.example>"));
    const auto refused = w.ask("record.show", {{"id", "<x@y.example>"}, {"one", 1}}, 1);
    BOOST_TEST(refused["error"] == "input");
    BOOST_TEST(refused["detail"] == "several messages carry this Message-ID: name one by its id");
    BOOST_REQUIRE(refused["candidates"].size() == 2u);
    BOOST_TEST(refused["candidates"][0]["id"] == hex(std::string(16, 'n')));
    BOOST_TEST(refused["candidates"][0]["received"] == "1970-01-01T00:00:03.000Z");
    BOOST_TEST(refused["candidates"][1]["id"] == hex(std::string(16, 'm')));
    BOOST_TEST(refused["candidates"][1]["sender"] == "doc@partner.example");
    for (const char* given : {"<other@y.example>", "6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d"})
        BOOST_TEST(w.ask("record.show", {{"id", given}, {"one", 1}}).contains("record"));

    put_held(w, held('a', 1000));
    put_held(w, held('b', 2000));
    for (const char* verb : {"held.revoke", "held.purge"}) {
        const auto which = w.ask(verb, {{"id", "<m1@partner.example>"}}, 1);
        BOOST_TEST(which["detail"] == "several held records carry this Message-ID: name one by its id");
        BOOST_TEST(which["candidates"].size() == 2u);
        BOOST_TEST(which["candidates"][0]["id"] == hex(std::string(16, 'b')));
        BOOST_TEST(which["candidates"][0]["contact"] == w.ask("held.list")["held"][0]["contact"]);
    }
}
