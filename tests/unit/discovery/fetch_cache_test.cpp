#include "policy/discovery/fetch_cache.h"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "milter/base/metrics.h"
#include "milter/store/schema.h"
#include "tests/support/http_server.h"
#include "tests/support/memory_store.h"

using namespace direct;
using namespace direct::test;

namespace {

struct House {
    House() { cache.use(store); }
    LookupContext at(int seconds_later, milliseconds budget = milliseconds(20000)) const
    {
        LookupContext c{fetcher, start + seconds(seconds_later), {std::chrono::steady_clock::now() + budget}};
        c.cache_max = cache_max;
        return c;
    }
    FetchCache::Question question(const std::string& path) const
    {
        FetchCache::Question q;
        q.name = "test " + path;
        q.request.url = server.url(path);
        q.judge = [this, now = start](std::string_view body, std::optional<Time>) -> Result<Time> {
            if (body.starts_with("bad")) return fail(refuse(Reason::malformed, "not what was wanted"));
            return judged_at + seconds(100);
        };
        return q;
    }
    /// The body, or "fault: why"; "stale: " in front of an old copy.
    std::string ask(const std::string& path, int seconds_later)
    {
        judged_at = start + seconds(seconds_later);
        auto copy = cache.get(question(path), at(seconds_later));
        if (!copy) return "fault: " + copy.error().why;
        return (copy->stale ? "stale: " : "") + *copy->body;
    }
    const Time start{seconds(1800000000)};
    mutable Time judged_at = start;
    FetchOptions options{.allow_networks = {"127.0.0.1"}};
    Fetcher fetcher{options};
    MemoryStore store;
    HttpServer server;
    FetchCache cache;
    std::uint64_t cache_max = 1 << 20;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_fresh_copy_costs_no_request, House)
{
    server.serve("/a", "one");
    const auto hits = metric_value(Metric::fetch_cache_hits_total);
    BOOST_TEST(ask("/a", 0) == "one");
    BOOST_TEST(ask("/a", 99) == "one");
    BOOST_TEST(server.asked("/a") == 1u);
    BOOST_TEST(metric_value(Metric::fetch_cache_hits_total) - hits == 1);
    server.serve("/a", "two");
    BOOST_TEST(ask("/a", 101) == "two");
    BOOST_TEST(server.asked("/a") == 2u);
    // What is at hand already comes without its bytes.
    auto q = question("/a");
    q.known_digest = sha256("two");
    auto copy = cache.get(q, at(102));
    BOOST_REQUIRE(copy);
    BOOST_TEST(!copy->body);
    BOOST_TEST((copy->digest == q.known_digest));
    // URLs are not readable in the store.
    BOOST_TEST(store.dump(Table::fetched).find("/a") == std::string::npos);
    BOOST_TEST(store.rows(Table::fetched) == 1u);
    BOOST_TEST(store.data().contents.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(copies_survive_a_restart, House)
{
    server.serve("/a", "one");
    BOOST_TEST(ask("/a", 0) == "one");
    FetchCache next;
    next.use(store);
    auto copy = next.get(question("/a"), at(50));
    BOOST_REQUIRE(copy);
    BOOST_TEST(*copy->body == "one");
    BOOST_TEST(server.asked("/a") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_304_confirms_the_copy, House)
{
    server.on("/a", [](const HttpServer::Request& r) {
        bool same = r.field("If-None-Match") == "\"v1\"";
        return HttpServer::Reply{
            http_answer(same ? "304 Not Modified" : "200 OK", same ? "" : "one", "ETag: \"v1\"\r\n")};
    });
    BOOST_TEST(ask("/a", 0) == "one");
    BOOST_TEST(ask("/a", 150) == "one");
    BOOST_TEST(ask("/a", 240) == "one");
    BOOST_TEST(server.asked("/a") == 2u);
    BOOST_TEST(server.requests().at(1).field("If-None-Match") == "\"v1\"");
}

BOOST_FIXTURE_TEST_CASE(a_failure_is_remembered_for_a_pause, House)
{
    BOOST_TEST(ask("/none", 0).find("fault: ") == 0u);
    BOOST_TEST(ask("/none", 299).find("status 404") != std::string::npos);
    BOOST_TEST(server.asked("/none") == 1u);
    server.serve("/none", "now");
    BOOST_TEST(ask("/none", 301) == "now");
}

BOOST_FIXTURE_TEST_CASE(what_the_asker_refuses_never_replaces_a_good_copy, House)
{
    server.serve("/a", "one");
    BOOST_TEST(ask("/a", 0) == "one");
    server.serve("/a", "bad");
    BOOST_TEST(ask("/a", 200) == "stale: one");
    BOOST_TEST(ask("/a", 300) == "stale: one");
    BOOST_TEST(server.asked("/a") == 2u);
    BOOST_TEST(ask("/b", 0).find("fault: ") == 0u);
    server.serve("/c", "bad");
    BOOST_TEST(ask("/c", 0).find("not what was wanted") != std::string::npos);
    BOOST_TEST(store.rows(Table::fetched) == 1u);
}

BOOST_FIXTURE_TEST_CASE(many_askers_are_one_fetch, House)
{
    std::mutex gate;
    gate.lock();
    server.on("/slow", [&](const HttpServer::Request&) {
        std::lock_guard wait(gate);
        return HttpServer::Reply{http_answer("200 OK", "one")};
    });
    std::vector<std::thread> askers;
    std::atomic<int> good{0}, hasty{0};
    for (int i = 0; i < 6; ++i)
        askers.emplace_back([&] {
            auto copy = cache.get(question("/slow"), at(0));
            good += copy && *copy->body == "one";
        });
    while (server.asked("/slow") == 0) std::this_thread::yield();
    // Who has no time left does not wait for the others' fetch.
    auto none = cache.get(question("/slow"), at(0, milliseconds(1)));
    hasty += !none && none.error().why.find("time for looking up is over") != std::string::npos;
    gate.unlock();
    for (auto& a : askers) a.join();
    BOOST_TEST(good == 6);
    BOOST_TEST(hasty == 1);
    BOOST_TEST(server.asked("/slow") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_spent_budget_says_nothing_of_the_server, House)
{
    server.serve("/a", "one");
    auto none = cache.get(question("/a"), at(0, milliseconds(0)));
    BOOST_REQUIRE(!none);
    BOOST_TEST(ask("/a", 1) == "one");
}

BOOST_FIXTURE_TEST_CASE(the_oldest_copies_leave_when_it_is_full, House)
{
    cache_max = 10000;
    for (int i = 0; i < 12; ++i) {
        const std::string path = "/" + std::to_string(i);
        server.serve(path, std::string(1000, char('a' + i)));
        BOOST_TEST(ask(path, i).size() == 1000u);
    }
    BOOST_TEST(store.rows(Table::fetched) <= 10u);
    BOOST_TEST(store.data().contents.size() == store.rows(Table::fetched));
    BOOST_TEST(ask("/11", 12).size() == 1000u);
    BOOST_TEST(server.asked("/11") == 1u);
    BOOST_TEST(ask("/0", 12).size() == 1000u);
    BOOST_TEST(server.asked("/0") == 2u);
}

BOOST_FIXTURE_TEST_CASE(trouble_of_the_store_is_no_trouble_of_the_answer, House)
{
    server.serve("/a", "one");
    store.fail_writes(1);
    BOOST_TEST(ask("/a", 0) == "one");
    BOOST_TEST(store.rows(Table::fetched) == 0u);
    BOOST_TEST(store.data().contents.empty());
    FetchCache without;
    judged_at = start;
    auto copy = without.get(question("/a"), at(0));
    BOOST_REQUIRE(copy);
    BOOST_TEST(*copy->body == "one");
}

BOOST_FIXTURE_TEST_CASE(a_damaged_copy_is_fetched_again, House)
{
    server.serve("/a", "one", "ETag: \"v\"\r\n");
    BOOST_TEST(ask("/a", 0) == "one");
    for (const auto& [id, content] : store.data().contents) BOOST_TEST(store.damage_content(id));
    BOOST_TEST(ask("/a", 1) == "one");
    BOOST_TEST(server.asked("/a") == 2u);
}
