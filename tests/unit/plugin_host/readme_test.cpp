// The example of plugins/README.md is compiled as it stands there and must read a document.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "plugins/host/worker_pool.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(the_example_of_the_manual_works)
{
    const std::string readme = test::read_file(test::source_dir() + "/plugins/README.md");
    const auto from = readme.find("```c\n"), to = readme.find("```", from + 5);
    BOOST_REQUIRE(from != std::string::npos && to != std::string::npos);
    const test::Scratch scratch;
    test::write_file(scratch / "weight.c", readme.substr(from + 5, to - from - 5));
    test::run("cc -Wall -Wextra -Werror -std=c99 -shared -fPIC -I'" + test::source_dir() + "' -o '" +
              (scratch / "weight.so") + "' '" + (scratch / "weight.c") + "' 2>&1");
    PoolOptions o;
    o.worker = test::build_dir() + "/bin/direct-parse";
    o.plugins = scratch.path();
    auto pool = WorkerPool::start(o);
    BOOST_REQUIRE_MESSAGE(pool, (pool ? "" : pool.error().why));
    ParseRequest r;
    r.content = "WGT 72500";
    auto outcome = (*pool)->parse(r);
    BOOST_REQUIRE(outcome);
    BOOST_TEST(outcome->plugin == "weight 1.0");
    BOOST_REQUIRE(outcome->items.size() == 1u);
    BOOST_TEST(nlohmann::json::parse(outcome->items[0].json).at("value") == "72500");
    r.content = "WGT heavy";
    BOOST_TEST((*pool)->parse(r)->status == "malformed");
}
