// The examples of plugins/README.md are compiled as they stand there, against what `cmake --install` gives a site, and must
// read a document.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "plugins/host/worker_pool.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;

namespace {

/// The first piece of code in that language.
std::string code_of_readme(const std::string& language)
{
    const std::string readme = test::read_file(test::source_dir() + "/plugins/README.md");
    const auto from = readme.find("```" + language + "\n");
    BOOST_REQUIRE(from != std::string::npos);
    const auto begin = from + 4 + language.size();
    return readme.substr(begin, readme.find("```", begin) - begin);
}

std::unique_ptr<WorkerPool> pool_of(const std::string& folder)
{
    PoolOptions o;
    o.worker = test::build_dir() + "/bin/direct-parse";
    o.plugins = folder;
    auto pool = WorkerPool::start(o);
    BOOST_REQUIRE_MESSAGE(pool, (pool ? "" : pool.error().why));
    return *std::move(pool);
}

ParseOutcome parse(WorkerPool& pool, const std::string& content)
{
    ParseRequest r;
    r.content = content;
    auto outcome = pool.parse(r);
    BOOST_REQUIRE(outcome);
    return *std::move(outcome);
}

/// The folder to give to -I, with what an installed tree has in /usr/include.
std::string installed_headers(const test::Scratch& scratch)
{
    test::run("cmake --install '" + test::build_dir() + "' --component headers --prefix '" +
              (scratch / "usr") + "' 2>&1");
    return scratch / "usr/include";
}

void weigh(WorkerPool& pool)
{
    const auto outcome = parse(pool, "WGT 72500");
    BOOST_TEST(outcome.plugin == "weight 1.0");
    BOOST_REQUIRE(outcome.items.size() == 1u);
    BOOST_TEST(nlohmann::json::parse(outcome.items[0].json).at("value") == "72500");
    BOOST_TEST(parse(pool, "WGT heavy").status == "malformed");
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_example_of_the_manual_works_installed_and_from_a_build_folder)
{
    const test::Scratch scratch;
    test::write_file(scratch / "weight.c", code_of_readme("c"));
    for (const auto& headers : {installed_headers(scratch), test::build_dir() + "/include"}) {
        // From a folder that is not ours: nothing is found by chance.
        test::run("cd '" + scratch.path() + "' && cc -Wall -Wextra -Werror -std=c99 -shared -fPIC -I '" +
                  headers + "' -o weight.so weight.c 2>&1");
        weigh(*pool_of(scratch.path()));
    }
}

BOOST_AUTO_TEST_CASE(the_example_in_cplusplus_works_with_hidden_symbols_too)
{
    const test::Scratch scratch;
    test::write_file(scratch / "remark.cpp", code_of_readme("cpp"));
    test::run("cd '" + scratch.path() +
              "' && c++ -Wall -Wextra -Werror -std=c++20 -fvisibility=hidden -shared -fPIC -I '" +
              installed_headers(scratch) + "' -o remark.so remark.cpp 2>&1");
    const auto outcome = parse(*pool_of(scratch.path()), "NOTE a \"quoted\" \xff word");
    BOOST_TEST(outcome.plugin == "remark 1.0");
    BOOST_TEST(nlohmann::json::parse(outcome.document).at("title") == "a \"quoted\" ? word");
}
