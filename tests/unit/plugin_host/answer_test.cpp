// What a lying child could say, frame by frame; JSON as it should not be.
#include "plugins/host/answer.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "plugins/host/json_check.h"
#include "plugins/json_writer.h"

using namespace direct;
using wire::Type;

namespace {

std::string frame(Type type, std::initializer_list<std::string_view> fields)
{
    std::string out;
    wire::append_frame(out, type, fields);
    return out;
}

Answer::Step feed(Answer& answer, const std::string& bytes)
{
    wire::Decoder decoder(1u << 22);
    decoder.append(bytes);
    wire::Frame f;
    auto step = Answer::Step::more;
    while (decoder.next(f) == wire::Decoder::Step::frame && step == Answer::Step::more) step = answer.take(f);
    return step;
}

const std::string begin = frame(Type::plugin, {"p", "x 1"});
const std::string about = frame(Type::about, {R"({"kind":"file"})"});
const std::string end = frame(Type::end, {"0", ""});

Answer fresh()
{
    return Answer(10, 1u << 20);
}

Answer::Step step_of(const std::string& bytes)
{
    auto answer = fresh();
    return feed(answer, bytes);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_honest_answer_is_taken)
{
    auto answer = fresh();
    BOOST_TEST((feed(answer, begin + about + frame(Type::item, {"results", "panel", "{}"}) + end) ==
                Answer::Step::done));
    BOOST_TEST(answer.outcome().status == "parsed");
    BOOST_TEST(answer.outcome().plugin == "x 1");
    BOOST_TEST(answer.outcome().items.at(0).kind == "panel");
}

BOOST_AUTO_TEST_CASE(an_item_is_of_the_section_and_kind_it_is_told_with)
{
    // Told as an allergy with "results" in its JSON, it was found among the results.
    const auto item = [](const char* object) {
        auto answer = fresh();
        feed(answer, begin + about + frame(Type::item, {"allergies", "allergy", object}));
        return answer.outcome().items.at(0).json;
    };
    const std::string told = R"({"section":"allergies","kind":"allergy")";
    BOOST_TEST(item("{}") == told + "}");
    BOOST_TEST(item(R"({ "n" : 1.10 , "x":[{"kind":"c"}]})") == told + R"(,"n":1.10,"x":[{"kind":"c"}]})");
    BOOST_TEST(item(R"({"section":"results","kind":"allergy","n":1})") == told + R"(,"n":1})");
    BOOST_TEST(item(R"({"n":1,"kind":{"section":"x"},"section":"allergies"})") == told + R"(,"n":1})");
    BOOST_TEST(item(R"({"\u0073ection":"results","n":"\u0041"})") == told + R"(,"n":"\u0041"})");
    BOOST_TEST(item(R"({"section":"allergies","section":"results","kind":"allergy"})") == told + "}");
    // Where they agree nothing is touched.
    for (const char* same : {R"({"section":"allergies","kind":"allergy","n":1})",
                             R"({ "kind": "allergy", "n": 1, "section": "allergies" })"})
        BOOST_TEST(item(same) == same);
}

BOOST_AUTO_TEST_CASE(lies_are_seen)
{
    using Step = Answer::Step;
    BOOST_TEST((step_of(about) == Step::lie));                                      // before a plugin
    BOOST_TEST((step_of(frame(Type::plugin, {"r", "x 1"}) + about) == Step::lie));  // while recognising
    BOOST_TEST((step_of(begin + end) == Step::lie));                                // parsed, no document
    BOOST_TEST((step_of(begin + about + about) == Step::lie));
    BOOST_TEST((step_of(frame(Type::end, {"0", ""})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::end, {"9", ""})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::end, {"", ""})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::end, {"2"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::about, {"[]"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::item, {"results", "panel"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::item, {"", "panel", "{}"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::item, {"results", "panel", "{}x"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::item, {"nonXMLBody", "observationMedia", "{}"})) == Step::more));
    for (const char* word : {"", "../etc", "a b", "a/b", "\xc3\xa4", "a.b"})
        BOOST_TEST((step_of(begin + frame(Type::item, {word, "thing", "{}"})) == Step::lie), word);
    BOOST_TEST((step_of(begin + frame(Type::note, {"a\nb"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::note, {"\xff"})) == Step::lie));
    BOOST_TEST((step_of(begin + frame(Type::child, {"n", "t", "[]", "c"})) == Step::lie));
    BOOST_TEST((step_of(frame(Type::hello, {"+x 1"})) == Step::lie));
    BOOST_TEST((step_of(frame(Type::document, {"", "", "", "", ""})) == Step::lie));
    BOOST_TEST((step_of(frame(Type::plugin, {"p", "x\n1"})) == Step::lie));
}

BOOST_AUTO_TEST_CASE(floods_are_stopped)
{
    std::string items = begin + about;
    for (int i = 0; i < 11; ++i) items += frame(Type::item, {"other", "thing", "{}"});
    BOOST_TEST((step_of(items) == Answer::Step::flood));
    Answer small(1000, 100);
    BOOST_TEST((feed(small, begin + frame(Type::note, {std::string(200, 'x')})) == Answer::Step::flood));
    std::string notes = begin;
    for (int i = 0; i < 101; ++i) notes += frame(Type::note, {"x"});
    BOOST_TEST((step_of(notes) == Answer::Step::flood));
}

BOOST_AUTO_TEST_CASE(a_new_plugin_begins_with_nothing)
{
    auto answer = fresh();
    feed(answer, begin + about + frame(Type::item, {"other", "thing", "{}"}) + frame(Type::note, {"x"}));
    BOOST_TEST((feed(answer, frame(Type::plugin, {"p", "y 1"}) + about + end) == Answer::Step::done));
    BOOST_TEST(answer.outcome().plugin == "y 1");
    BOOST_TEST(answer.outcome().items.empty());
    BOOST_TEST(answer.outcome().notes.empty());
}

BOOST_AUTO_TEST_CASE(frames_come_in_any_pieces)
{
    const std::string bytes = begin + about + end;
    wire::Decoder decoder(1000);
    std::size_t frames = 0;
    for (char c : bytes) {
        decoder.append(std::string_view(&c, 1));
        wire::Frame f;
        while (decoder.next(f) == wire::Decoder::Step::frame) ++frames;
    }
    BOOST_TEST(frames == 3u);
    BOOST_TEST(decoder.empty());
    wire::Decoder tight(10);
    tight.append(about);
    wire::Frame f;
    BOOST_TEST((tight.next(f) == wire::Decoder::Step::bad));
}

BOOST_AUTO_TEST_CASE(json_objects)
{
    for (const char* good :
         {"{}", " { } ", R"({"a":1})", R"({"a":[1,2,{"b":null}],"c":"\u00e4\ud83d\ude00"})",
          R"({"a":-0.5e+10,"b":true,"c":[[],{}]})", "{\"a\":\"\xc3\xa4\"}"}) {
        BOOST_TEST(is_json_object(good), good);
        BOOST_TEST(nlohmann::json::accept(good), good);
    }
    for (const char* bad : {"",
                            "[]",
                            "1",
                            "{",
                            "}",
                            "{}{}",
                            "{,}",
                            R"({"a"})",
                            R"({"a":})",
                            R"({"a":1,})",
                            R"({a:1})",
                            R"({"a":01})",
                            R"({"a":1.})",
                            R"({"a":.5})",
                            R"({"a":+1})",
                            R"({"a":tru})",
                            R"({"a":"\x"})",
                            R"({"a":"\u12"})",
                            R"({"a":"\ud800"})",
                            R"({"a":"\u0000"})",
                            R"({"a":[1,]})",
                            R"({"a":[1})",
                            R"({"a":1]})",
                            "{\"a\":\"\n\"}",
                            "{\"a\":\"\xff\"}",
                            R"({"a" 1})",
                            R"({"a":1 "b":2})",
                            R"({"a":NaN})",
                            R"({"a":1}])",
                            R"({"a":--1})"})
        BOOST_TEST(!is_json_object(bad), bad);
    std::string deep;
    for (int i = 0; i < 63; ++i) deep += "{\"a\":";
    BOOST_TEST(is_json_object(deep + "{}" + std::string(63, '}')));
    BOOST_TEST(!is_json_object("{\"a\":" + deep + "{}" + std::string(64, '}')));
}

BOOST_AUTO_TEST_CASE(written_strings_read_back)
{
    for (std::string text : {"plain", "quote\" back\\ tab\t nl\n", "\xe2\x82\xac \xf0\x9f\x98\x80"}) {
        std::string json;
        append_json_string(json, text);
        BOOST_TEST(nlohmann::json::parse(json).get<std::string>() == text);
    }
    std::string json;
    append_json_string(json, std::string_view("a\x01\x7f\xff.\xc3.\xed\xa0\x80"));
    BOOST_TEST(nlohmann::json::parse(json).get<std::string>() ==
               "a  ?.?.?"
               "??");
}
