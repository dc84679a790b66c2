#include "milter/base/metrics.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>
#include <vector>

#include "milter/base/reason.h"
#include "milter/base/text.h"

using namespace direct;
using std::chrono::milliseconds;

namespace {

// The value of a sample line; fails when there is not exactly one.
double sample(const std::string& name)
{
    double value = -1;
    int found = 0;
    const auto all = metrics_text();
    for (const auto line : split(all, '\n'))
        if (line.starts_with(name + " ")) {
            value = std::stod(std::string(line.substr(name.size() + 1)));
            ++found;
        }
    BOOST_TEST(found == 1, name << " stands there " << found << " times");
    return value;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(counters_and_gauges)
{
    const auto before = metric_value(Metric::messages_total);
    count(Metric::messages_total);
    count(Metric::messages_total, 4);
    BOOST_TEST(metric_value(Metric::messages_total) == before + 5);
    BOOST_TEST(sample("direct_messages_total") == static_cast<double>(before + 5));
    set_gauge(Metric::outbox_waiting, 7);
    count(Metric::outbox_waiting, -3);
    BOOST_TEST(sample("direct_outbox_waiting") == 4);
}

BOOST_AUTO_TEST_CASE(histograms_add_up)
{
    const std::string name = "direct_commit_seconds";
    for (const auto took :
         {milliseconds(0), milliseconds(1), milliseconds(2), milliseconds(900), milliseconds(70'000)})
        observe(Metric::commit_seconds, took);
    BOOST_TEST(sample(name + "_bucket{le=\"0.001\"}") == 2);  // a bound belongs to its bucket
    BOOST_TEST(sample(name + "_bucket{le=\"0.002\"}") == 3);
    BOOST_TEST(sample(name + "_bucket{le=\"0.512\"}") == 3);
    BOOST_TEST(sample(name + "_bucket{le=\"1.024\"}") == 4);
    BOOST_TEST(sample(name + "_bucket{le=\"65.536\"}") == 4);
    BOOST_TEST(sample(name + "_bucket{le=\"+Inf\"}") == 5);
    BOOST_TEST(sample(name + "_count") == 5);
    BOOST_TEST(sample(name + "_sum") == 70.903, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(metric_value(Metric::commit_seconds) == 5);
    {
        const Timed timed(Metric::commit_seconds);
    }
    BOOST_TEST(metric_value(Metric::commit_seconds) == 6);
}

BOOST_AUTO_TEST_CASE(decisions_stand_under_their_token)
{
    count_decision(static_cast<unsigned>(Reason::not_signed));
    count_decision(100'000);  // no such reason: counted nowhere
    BOOST_TEST(sample("direct_decisions_total{token=\"not-signed\"}") == 1);
    BOOST_TEST(sample("direct_decisions_total{token=\"untrusted\"}") == 0);
    BOOST_TEST(sample("direct_decisions_total{token=\"newuser:email-local\"}") == 0);
}

BOOST_AUTO_TEST_CASE(the_text_is_an_exposition)
{
    const auto all = metrics_text();
    BOOST_REQUIRE(all.ends_with('\n'));
    std::set<std::string> typed;
    for (const auto line : split(std::string_view(all).substr(0, all.size() - 1), '\n')) {
        const auto words = split(line, ' ');
        if (line.starts_with("# TYPE ")) {
            BOOST_TEST(words.size() == 4U);
            BOOST_TEST(typed.insert(std::string(words[2])).second, words[2] << " is declared twice");
        } else if (!line.starts_with("# HELP ")) {
            BOOST_TEST(words.size() == 2U, line);
            BOOST_TEST(line.starts_with("direct_"), line);
        }
    }
    BOOST_TEST(typed.size() == static_cast<std::size_t>(Metric::count_) + 1);
}

BOOST_AUTO_TEST_CASE(threads_lose_nothing)
{
    const auto before = metric_value(Metric::commits_total);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([] {
            for (int i = 0; i < 10'000; ++i) {
                count(Metric::commits_total);
                observe(Metric::seal_seconds, milliseconds(3));
            }
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(metric_value(Metric::commits_total) == before + 40'000);
    BOOST_TEST(sample("direct_seal_seconds_bucket{le=\"0.004\"}") == 40'000);
}

BOOST_AUTO_TEST_SUITE_END()
