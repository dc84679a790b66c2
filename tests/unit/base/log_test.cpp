#include "milter/base/log.h"

#include <syslog.h>

#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

#include "milter/base/text.h"
#include "tests/support/vectors.h"

using namespace direct;

namespace {

struct Captured {
    std::vector<std::pair<int, std::string>> lines;
    Captured()
    {
        log_to([this](int priority, const std::string& line) { lines.emplace_back(priority, line); });
    }
    ~Captured() { log_to({}); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(log_)

BOOST_AUTO_TEST_CASE(quoting_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("log_quote.vec")) BOOST_TEST_CONTEXT(v)
        {
            const auto max = std::stoul(v.get("Max", "200"));
            BOOST_TEST(log_quote(v.get("In"), max) == v.get("Out"));
        }
}

BOOST_AUTO_TEST_CASE(no_byte_can_forge_a_line)
{
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const std::string in{static_cast<char>(a), static_cast<char>(b), 'x'};
            const auto out = log_quote(in);
            BOOST_REQUIRE(valid_utf8(out));
            bool escaped = false;
            for (const char c : out) {
                BOOST_REQUIRE(static_cast<unsigned char>(c) >= 0x20);
                BOOST_REQUIRE((c != '"' || escaped));
                escaped = c == '\\' && !escaped;
            }
            BOOST_REQUIRE(!escaped);
        }
}

BOOST_AUTO_TEST_CASE(a_line_names_id_event_and_values)
{
    Captured captured;
    LogLine(LOG_INFO, "4XyZ", "accepted")
        .with("from", "a@b")
        .with("bytes", std::int64_t{12})
        .with("why", "x\n\"y\"");
    LogLine(LOG_ERR, "", "stopped").with("text", std::string(300, 'a'));
    LogLine(LOG_ERR, "id\r\nforged: line", "stopped");
    BOOST_REQUIRE(captured.lines.size() == 3U);
    BOOST_TEST(captured.lines[0].first == LOG_INFO);
    BOOST_TEST(captured.lines[0].second == "4XyZ: accepted from=\"a@b\" bytes=12 why=\"x\\x0a\\\"y\\\"\"");
    BOOST_TEST(captured.lines[1].second == "-: stopped text=\"" + std::string(200, 'a') + "...\"");
    BOOST_TEST(captured.lines[2].second.find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(lines_of_threads_stay_whole)
{
    Captured captured;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([t] {
            for (int i = 0; i < 250; ++i) LogLine(LOG_INFO, "id", "counted").with("thread", std::int64_t{t});
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(captured.lines.size() == 1000U);
    for (const auto& line : captured.lines) BOOST_TEST(line.second.starts_with("id: counted thread="));
}

BOOST_AUTO_TEST_CASE(a_sink_that_throws_does_not_end_the_process)
{
    log_to([](int, const std::string&) { throw std::bad_alloc(); });
    LogLine(LOG_INFO, "id", "lost");
    Captured captured;
    LogLine(LOG_INFO, "id", "next");
    BOOST_TEST(captured.lines.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
