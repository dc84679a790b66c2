// Documents inside documents when it is the pool that has trouble.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "plugins/host/worker_pool.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_CASE(no_child_for_an_inner_document_is_no_verdict_on_it)
{
    // The inner one was settled as "crashed", for good, though nobody had read it.
    const test::Scratch scratch;
    fs::create_directory(scratch / "plugins");
    fs::create_symlink(test::build_dir() + "/tests/neighbours/bad.so", scratch / "plugins/bad.so");
    const std::string program = test::build_dir() + "/bin/direct-parse";
    fs::create_symlink(program, scratch / "direct-parse");
    PoolOptions o;
    o.worker = scratch / "direct-parse";
    o.plugins = scratch / "plugins";
    o.children = 1;
    o.budget = milliseconds(20000);
#ifdef DIRECT_SANITIZED
    o.sandbox = false;
#endif
    const auto pool = WorkerPool::start(o);
    BOOST_REQUIRE(pool);
    const auto read = [&](std::string_view content) {
        ParseRequest r;
        r.content = content;
        return (*pool)->parse(r);
    };
    // A child is replaced after a thousand documents: the outer one is the last of its child.
    for (int n = 0; n < 999; ++n) {
        const auto outcome = read("bad:good");
        BOOST_REQUIRE(outcome);
        BOOST_REQUIRE(outcome->status == "parsed");
    }
    fs::remove(scratch / "direct-parse");
    const auto without = read("bad:itself");
    BOOST_REQUIRE(!without);
    BOOST_TEST((without.error().retry == Retry::later));
    fs::create_symlink(program, scratch / "direct-parse");
    const auto again = read("bad:itself");
    BOOST_REQUIRE(again);
    BOOST_REQUIRE(again->children.size() == 1u);
    BOOST_TEST(again->children[0]->status == "parsed");
}

BOOST_AUTO_TEST_CASE(an_inner_document_that_killed_its_parser_is_described_as_a_file)
{
    const test::Scratch plugins;
    for (const char* path : {"/tests/neighbours/bad.so", "/lib/direct/plugins/file.so"})
        fs::create_symlink(test::build_dir() + path, plugins / fs::path(path).filename().string());
    PoolOptions o;
    o.worker = test::build_dir() + "/bin/direct-parse";
    o.plugins = plugins.path();
    o.children = 1;
    o.budget = milliseconds(20000);
#ifdef DIRECT_SANITIZED
    o.sandbox = false;
#endif
    const auto pool = WorkerPool::start(o);
    BOOST_REQUIRE(pool);
    ParseRequest r;
    r.content = "bad:crashing-child";
    const auto outcome = (*pool)->parse(r);
    BOOST_REQUIRE(outcome);
    BOOST_TEST(outcome->status == "parsed");
    BOOST_REQUIRE(outcome->children.size() == 1u);
    const auto& inner = *outcome->children[0];
    BOOST_TEST(inner.status == "crashed");
    BOOST_TEST(inner.plugin == "bad 0.1");
#ifdef DIRECT_SANITIZED
    BOOST_TEST(inner.detail == "ended with exit code 1");  // before the kernel's signal
#else
    BOOST_TEST(inner.detail.find("SIG") != std::string::npos, inner.detail);
#endif
    BOOST_TEST(inner.document.find("text/plain") != std::string::npos, inner.document);
    BOOST_TEST(to_json(*outcome).find("\"error\":\"crashed\"") != std::string::npos);
}
