// What the author of a plugin is told when his plugin does not keep to parser_plugin.h: which call, and why. Never what
// the plugin handed over.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "milter/base/log.h"
#include "plugins/host/json_check.h"
#include "plugins/host/worker_pool.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
namespace fs = std::filesystem;

namespace {

WorkerPool& bad_pool()
{
    static const test::Scratch scratch;
    static const auto pool = [] {
        for (const char* name : {"tests/neighbours/bad.so", "lib/direct/plugins/file.so"})
            fs::create_symlink(test::build_dir() + "/" + name, scratch / fs::path(name).filename().string());
        PoolOptions o;
        o.worker = test::build_dir() + "/bin/direct-parse";
        o.plugins = scratch.path();
        o.children = 1;
        o.budget = milliseconds(20000);
        o.items_max = 1000;
        auto started = WorkerPool::start(o);
        BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().why));
        return *std::move(started);
    }();
    return *pool;
}

ParseOutcome parse(const std::string& word)
{
    ParseRequest request;
    const auto content = "bad:" + word;
    request.content = content;
    auto outcome = bad_pool().parse(request);
    BOOST_REQUIRE(outcome);
    return *std::move(outcome);
}

struct Mistake {
    const char* word;
    const char* status;
    const char* detail;
};
std::ostream& operator<<(std::ostream& out, const Mistake& m)
{
    return out << m.word;
}
#define BROKE "the plugin broke its contract: "
#define WANTED ": wanted are 1 to 64 of A-Z a-z 0-9 _ -"
const Mistake mistakes[] = {
    {"broken-json", "crashed", BROKE "item 1: no JSON at byte 20 of 20"},
    {"array-json", "crashed", BROKE "item 1: no JSON object at byte 1 of 13"},
    {"not-utf8", "crashed", BROKE "item 1: no UTF-8 at byte 7 of 10"},
    {"deep-json", "crashed", BROKE "item 1: more than 64 levels at byte 69 of 69"},
    {"goes-on", "crashed", BROKE "item 3: no JSON: it ends too early, after 6 bytes"},
    {"bad-section", "crashed",
     BROKE "item 1: section has a character at byte 1 that may not be there" WANTED},
    {"bad-kind", "crashed", BROKE "item 1: kind has a character at byte 3 that may not be there" WANTED},
    {"no-kind", "crashed", BROKE "item 1: kind is empty" WANTED},
    {"long-kind", "crashed", BROKE "item 1: kind has 65 bytes" WANTED},
    {"bad-skip", "crashed", BROKE "skip 1: section is empty" WANTED},
    {"two-documents", "crashed", BROKE "document() called twice"},
    {"null-item", "crashed", BROKE "item 1: no direct_item"},
    {"small-item", "crashed", BROKE "item 1: size is not sizeof(direct_item)"},
    {"bad-child", "crashed", BROKE "child 1: no JSON object at byte 1 of 2"},
    {"throw", "crashed", "the plugin threw std::runtime_error"},
    {"throw-number", "crashed", "the plugin threw int"},
    {"big-item", "limit", "item 1: 2097160 bytes of JSON, more than max_json (1048576)"},
    {"big-document", "limit", "document(): 4194305 bytes, more than max_document (4194304)"},
    {"flood-politely", "limit", "item 1001: more than max_items (1000)"},
    {"many-children", "limit", "child 1001: more than 1000 documents in one document"},
    {"children-of-bytes", "limit", "answer larger than 8 x content + 16 MiB"},
    {"bytes-of-items", "limit", "answer larger than 8 x content + 16 MiB"},
    {"limit", "limit", "a limit of the plugin"},
    {"strange-status", "malformed", "parse() returned 42, which is no direct_parse_status"},
    {"silent", "malformed", "the plugin told nothing of the document: DIRECT_PARSED without document()"},
};

}  // namespace

BOOST_DATA_TEST_CASE(a_mistake_is_told_by_its_call, mistakes, mistake)
{
    const auto outcome = parse(mistake.word);
    BOOST_TEST(outcome.status == mistake.status);
    BOOST_TEST(outcome.detail == mistake.detail);
    BOOST_TEST(outcome.plugin == "bad 0.1");
    BOOST_TEST(outcome.items.empty());
    BOOST_TEST(parse("good").status == "parsed");
}

#ifndef DIRECT_SANITIZED
// plugins/README.md lists them, because nobody expects it of them.
BOOST_DATA_TEST_CASE(calls_of_the_c_library_that_the_sandbox_forbids,
                     boost::unit_test::data::make({"local-time", "big-sort", "print", "thread"}), word)
{
    const auto outcome = parse(word);
    BOOST_TEST(outcome.status == "crashed");
    BOOST_TEST(outcome.detail == "killed by the sandbox: a forbidden system call (SIGSYS)");
}
#endif

// Two children at a time: without these nobody could say whose line it was.
BOOST_AUTO_TEST_CASE(a_log_line_says_which_document_it_was_and_why)
{
    for (const auto& [word, why] :
         {std::pair("abort", "killed by SIGABRT"), std::pair("throw", "the plugin threw std::runtime_error"),
          std::pair("null-item", "the plugin broke its contract: item 1: no direct_item")}) {
        std::string log;
        log_to([&](int, const std::string& line) { log += line + "\n"; });
        ParseRequest request;
        const auto content = std::string("bad:") + word;
        request.content = content;
        request.message = "00ff";
        request.part = 7;
        BOOST_TEST(bool(bad_pool().parse(request)));
        log_to({});
        BOOST_TEST(
            log ==
            std::string("-: child message=\"00ff\" part=7 plugin=\"bad 0.1\" outcome=\"crashed\" why=\"") +
                why + "\"\n");
    }
}

BOOST_AUTO_TEST_CASE(a_score_that_counts_as_nothing_is_noted)
{
    const auto outcome = parse("score");
    BOOST_TEST(outcome.plugin == "file 1.0");
    BOOST_REQUIRE(outcome.notes.size() == 1u);
    BOOST_TEST(outcome.notes[0] == "bad 0.1: recognise() returned 1000, which counts as 0");
}

// A reason of a thousand bytes with the words behind it was longer than the host takes.
BOOST_AUTO_TEST_CASE(the_last_of_many_long_skips_is_taken)
{
    const auto outcome = parse("long-skips");
    BOOST_TEST(outcome.status == "parsed", outcome.detail);
    BOOST_REQUIRE(outcome.skipped.size() == 1000u);
    BOOST_TEST(outcome.skipped[999].reason.size() == 1024u);
    BOOST_TEST(outcome.skipped[999].reason.ends_with("; what follows is not listed"));
}

BOOST_AUTO_TEST_CASE(where_json_ends_to_be_json)
{
    const auto fault = [](std::string_view json) {
        const auto found = json_object_fault(json);
        return found ? std::string(found->what) + " at " + std::to_string(found->at) : "";
    };
    BOOST_TEST(fault(R"({"a":[1,{"b":null}]})") == "");
    BOOST_TEST(fault("") == "no JSON object at 0");
    BOOST_TEST(fault(" 7") == "no JSON object at 1");
    BOOST_TEST(fault(R"({"a":tru})") == "no JSON at 5");
    BOOST_TEST(fault(R"({"a":1}x)") == "no JSON at 7");
    BOOST_TEST(fault("{\"a\":\"\xff\"}") == "no UTF-8 at 6");
    BOOST_TEST(fault(R"({"a":"b)") == "no JSON at 7");
}
