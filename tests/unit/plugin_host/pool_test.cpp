// The pool with the real direct-parse, good plugins and bad neighbours: whatever a document does to its
// child, the next document is read.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "milter/base/log.h"
#include "plugins/host/worker_pool.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

using namespace direct;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

#ifdef DIRECT_SANITIZED
constexpr bool sandboxed = false;
constexpr milliseconds patience{20000};
#else
constexpr bool sandboxed = true;
constexpr milliseconds patience{5000};
#endif

// A folder with the plugins named, from the build folder.
struct Folder {
    test::Scratch scratch;
    explicit Folder(const std::vector<std::string>& names)
    {
        for (auto& n : names) {
            std::string from = test::build_dir() + "/tests/neighbours/" + n + ".so";
            if (!fs::exists(from)) from = test::build_dir() + "/lib/direct/plugins/" + n + ".so";
            BOOST_REQUIRE_MESSAGE(fs::exists(from), from);
            fs::create_symlink(from, scratch / (n + ".so"));
        }
    }
};

PoolOptions options_for(const Folder& folder)
{
    PoolOptions o;
    o.worker = test::build_dir() + "/bin/direct-parse";
    o.plugins = folder.scratch.path();
    o.children = 1;
    o.budget = patience;
    o.memory = 192u << 20;
    return o;
}

std::unique_ptr<WorkerPool> start(const PoolOptions& options)
{
    auto pool = WorkerPool::start(options);
    BOOST_REQUIRE_MESSAGE(pool, (pool ? "" : pool.error().why));
    return *std::move(pool);
}

ParseOutcome parse(WorkerPool& pool, std::string_view content, std::vector<std::string> refused = {})
{
    ParseRequest r;
    r.content = content;
    r.filename = "it.bin";
    r.not_plugins = std::move(refused);
    auto outcome = pool.parse(r);
    BOOST_REQUIRE_MESSAGE(outcome, (outcome ? "" : outcome.error().why));
    return *std::move(outcome);
}

// One pool for all misdeeds: each must leave it usable.
WorkerPool& shared_pool()
{
    static const Folder folder({"bad", "file", "tell_tale"});
    static const auto pool = [] {
        auto o = options_for(folder);
        o.items_max = 1000;
        return start(o);
    }();
    return *pool;
}

void next_document_is_read(WorkerPool& pool)
{
    const auto good = parse(pool, "bad:good");
    BOOST_TEST(good.status == "parsed");
    BOOST_TEST(good.plugin == "bad 0.1");
    BOOST_TEST(good.items.size() == 1u);
    BOOST_TEST(parse(pool, "plain words").plugin == "file 1.0");
}

struct Misdeed {
    const char* word;
    const char* status;
    bool needs_sandbox = false;
};
std::ostream& operator<<(std::ostream& out, const Misdeed& m)
{
    return out << m.word;
}
const Misdeed misdeeds[] = {
    {"crash", "crashed"},
    {"abort", "crashed"},
    {"exit", "crashed"},
    {"stack", "crashed"},
    {"throw", "crashed"},
    {"recognise-crash", "crashed"},
    {"memory", "crashed", true},
    {"open", "crashed", true},
    {"create", "crashed", true},
    {"socket", "crashed", true},
    {"fork", "crashed", true},
    {"exec", "crashed", true},
    {"kill-parent", "crashed", true},
    {"code", "crashed", true},
    {"turn-into-code", "crashed", true},
    {"thread", "crashed", true},
    {"duplicate", "crashed", true},
    {"trace-parent", "crashed", true},
    {"trace-me", "crashed", true},
    {"big-document", "limit"},
    {"largest-document", "parsed"},
    {"largest-item", "parsed"},
    {"many-children", "limit"},
    {"children-of-bytes", "limit"},
    {"bytes-of-items", "limit"},
    {"long-note", "parsed"},
    {"flood-politely", "limit"},
    {"big-item", "limit"},
    {"flood-channel", "limit"},
    {"garbage", "crashed"},
    {"length", "crashed"},
    {"fields", "crashed"},
    {"type", "crashed"},
    {"two-ends", "crashed"},
    {"broken-json", "crashed"},
    {"array-json", "crashed"},
    {"not-utf8", "crashed"},
    {"bad-section", "crashed"},
    {"two-documents", "crashed"},
    {"null-item", "crashed"},
    {"strange-status", "malformed"},
    {"silent", "malformed"},
    {"malformed", "malformed"},
    {"note", "parsed"},
    {"many-notes", "parsed"},
    {"many-skips", "parsed"},
};

}  // namespace

BOOST_DATA_TEST_CASE(costs_only_its_document, misdeeds, misdeed)
{
    if (misdeed.needs_sandbox && !sandboxed) return;
    auto& pool = shared_pool();
    fs::remove("/tmp/direct-bad-neighbour");  // left by a run without a sandbox, it would accuse this one
    const auto outcome = parse(pool, std::string("bad:") + misdeed.word);
    BOOST_TEST(outcome.status == misdeed.status);
    BOOST_TEST(outcome.plugin == "bad 0.1");
    if (outcome.status != "parsed") {
        BOOST_TEST(outcome.document.empty());
        BOOST_TEST(outcome.items.empty());
        BOOST_TEST(!outcome.detail.empty());
        BOOST_TEST(json::parse(to_json(outcome)).at("error") == misdeed.status);
    }
    BOOST_TEST(outcome.detail.find("health data") == std::string::npos);
    BOOST_TEST(!fs::exists("/tmp/direct-bad-neighbour"));
    next_document_is_read(pool);
}

BOOST_DATA_TEST_CASE(hangs_end_at_the_budget, boost::unit_test::data::make({"hang", "flood"}), word)
{
    const Folder folder({"bad", "file"});
    auto o = options_for(folder);
    o.budget = milliseconds(1000);
    const auto pool = start(o);
    const auto from = std::chrono::steady_clock::now();
    const auto outcome = parse(*pool, std::string("bad:") + word);
    BOOST_TEST((std::chrono::steady_clock::now() - from < std::chrono::seconds(10)));
    // A flood is over at the limit of items, but its plugin never comes back.
    BOOST_TEST(outcome.status == "timeout");
    BOOST_TEST(outcome.plugin == "bad 0.1");
    next_document_is_read(*pool);
}

BOOST_AUTO_TEST_CASE(a_note_is_one_clean_line)
{
    const auto outcome = parse(shared_pool(), "bad:note");
    BOOST_REQUIRE(outcome.notes.size() == 1u);
    BOOST_TEST(outcome.notes[0] == "line one line two  [31m?");
    BOOST_TEST(parse(shared_pool(), "bad:many-notes").notes.size() == 100u);
    BOOST_TEST(parse(shared_pool(), "bad:long-note").notes.at(0).size() == 1024u);
    const auto skipped = parse(shared_pool(), "bad:many-skips").skipped;
    BOOST_REQUIRE(skipped.size() == 1000u);
    BOOST_TEST(skipped[998].reason == "again");
    BOOST_TEST(skipped[999].reason == "again; what follows is not listed");
}

BOOST_AUTO_TEST_CASE(why_it_was_malformed_is_told)
{
    BOOST_TEST(parse(shared_pool(), "bad:malformed").detail == "the third bolt is loose");
}

BOOST_AUTO_TEST_CASE(not_mine_leaves_nothing_behind)
{
    const auto outcome = parse(shared_pool(), "bad:not-mine");
    BOOST_TEST(outcome.status == "parsed");
    BOOST_TEST(outcome.plugin == "file 1.0");
    BOOST_TEST(outcome.items.empty());
}

BOOST_AUTO_TEST_CASE(a_refused_plugin_is_not_asked)
{
    auto outcome = parse(shared_pool(), "bad:crash", {"other 1.0", "bad 0.1"});
    BOOST_TEST(outcome.plugin == "file 1.0");
    outcome = parse(shared_pool(), "bad:crash", {"bad 0.1", "file 1.0"});
    BOOST_TEST(outcome.status == "parsed");
    BOOST_TEST(json::parse(outcome.document).at("kind") == "file");
    // Another version is another plugin.
    BOOST_TEST(parse(shared_pool(), "bad:good", {"bad 0.2"}).plugin == "bad 0.1");
}

BOOST_AUTO_TEST_CASE(a_score_beyond_hundred_is_no_score)
{
    BOOST_TEST(parse(shared_pool(), "bad:score").plugin == "file 1.0");
}

BOOST_AUTO_TEST_CASE(a_document_inside_itself_ends)
{
    const auto outcome = parse(shared_pool(), "bad:itself");
    BOOST_TEST(outcome.status == "parsed");
    BOOST_REQUIRE(outcome.children.size() == 1u);
    BOOST_TEST(outcome.children[0]->filename == "inner.bad");
    BOOST_TEST(outcome.children[0]->status == "parsed");
    const auto& deepest = *outcome.children[0]->children.at(0)->children.at(0);
    BOOST_TEST(deepest.status == "limit");
    BOOST_TEST(deepest.children.empty());
    const auto j = json::parse(to_json(outcome));
    BOOST_TEST(j.at("children").at(0).at("filename") == "inner.bad");
}

BOOST_AUTO_TEST_CASE(bad_libraries_are_refused_by_name)
{
    std::string log;
    log_to([&](int, const std::string& line) { log += line + "\n"; });
    const Folder folder({"wrong_abi", "too_small", "no_symbol", "bad_name", "lacks_function", "file"});
    test::write_file(folder.scratch / "not_elf.so", "hello");
    const auto pool = start(options_for(folder));
    log_to({});
    for (auto* name : {"wrong_abi.so: ABI 9, ours is 1", "too_small.so", "no_symbol.so", "bad_name.so",
                       "lacks_function.so", "not_elf.so"})
        BOOST_TEST(log.find(name) != std::string::npos, name << " is not in\n" << log);
    BOOST_TEST(log.find("file.so") == std::string::npos);
    BOOST_TEST(parse(*pool, "x").plugin == "file 1.0");
}

BOOST_AUTO_TEST_CASE(two_of_one_name_are_one)
{
    const Folder folder({"file"});
    fs::create_symlink(test::build_dir() + "/lib/direct/plugins/file.so", folder.scratch / "zfile.so");
    std::string log;
    log_to([&](int, const std::string& line) { log += line; });
    start(options_for(folder));
    log_to({});
    BOOST_TEST(log.find("zfile.so: a second plugin of that name; the first is file.so") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(start_tells_what_is_missing)
{
    const Folder empty({}), folder({"file"});
    auto o = options_for(empty);
    auto pool = WorkerPool::start(o);
    BOOST_REQUIRE(!pool);
    BOOST_TEST((pool.error().reason == Reason::configuration));
    o.plugins = empty.scratch / "nowhere";
    BOOST_TEST(!WorkerPool::start(o));
    o = options_for(folder);
    o.worker = empty.scratch / "direct-parse";
    BOOST_TEST(!WorkerPool::start(o));
    o.worker = "/bin/true";
    pool = WorkerPool::start(o);
    BOOST_REQUIRE(!pool);
    BOOST_TEST((pool.error().reason == Reason::configuration));
}

BOOST_AUTO_TEST_CASE(hints_arrive_and_the_environment_does_not)
{
    ::setenv("DIRECT_TEST_SECRET", "1", 1);
    const Folder folder({"tell_tale", "file"});
    auto o = options_for(folder);
    o.items_max = 77;
    const auto pool = start(o);
    ParseRequest r;
    const std::string content = "tell" + std::string(300000, ' ');
    r.content = content;
    r.media_type = "text/xml";
    r.charset = "utf-8";
    r.filename = "a.xml";
    auto outcome = pool->parse(r);
    BOOST_REQUIRE(outcome);
    const auto d = json::parse(outcome->document);
    BOOST_TEST(d.at("type") == "text/xml");
    BOOST_TEST(d.at("charset") == "utf-8");
    BOOST_TEST(d.at("filename") == "a.xml");
    BOOST_TEST(d.at("size") == content.size());
    BOOST_TEST(d.at("items") == 77);
    BOOST_TEST(d.at("json") == 1 << 20);
    BOOST_TEST(d.at("document") == 4 << 20);
    BOOST_TEST(d.at("environment").get<std::string>().find("DIRECT_TEST") == std::string::npos);
    BOOST_TEST(json::parse(to_json(*outcome)).at("document").at("plugin") == "tell 2.0");
}

BOOST_AUTO_TEST_CASE(a_child_is_kept_and_renewed)
{
    const Folder folder({"tell_tale"});
    const auto pool = start(options_for(folder));
    std::multiset<int> pids;
    for (int i = 0; i < 1001; ++i)
        pids.insert(json::parse(parse(*pool, "tell").document).at("pid").get<int>());
    const int first = *pids.begin();
    const int last = *pids.rbegin();
    BOOST_TEST(pids.count(first) + pids.count(last) == 1001u);
    BOOST_TEST(std::max(pids.count(first), pids.count(last)) == 1000u);
}

BOOST_AUTO_TEST_CASE(too_large_is_not_even_sent)
{
    const Folder folder({"file"});
    auto o = options_for(folder);
    o.document_max = 1000;
    const auto pool = start(o);
    BOOST_TEST(parse(*pool, std::string(1000, 'x')).status == "parsed");
    const auto outcome = parse(*pool, std::string(1001, 'x'));
    BOOST_TEST(outcome.status == "limit");
    BOOST_TEST(outcome.plugin.empty());
}

BOOST_AUTO_TEST_CASE(many_callers_share_few_children)
{
    const Folder folder({"bad", "file"});
    auto o = options_for(folder);
    o.children = 2;
    o.budget = milliseconds(30000);
    const auto pool = start(o);
    std::atomic<int> good{0}, crashed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 10; ++i) {
                ParseRequest r;
                const std::string content = (i + t) % 5 == 0 ? "bad:abort" : "bad:good";
                r.content = content;
                auto outcome = pool->parse(r);
                if (outcome && outcome->status == "parsed") ++good;
                if (outcome && outcome->status == "crashed") ++crashed;
            }
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(good == 48);
    BOOST_TEST(crashed == 12);
}

BOOST_AUTO_TEST_CASE(children_end_with_the_pool)
{
    const Folder folder({"tell_tale"});
    int pid = 0;
    {
        const auto pool = start(options_for(folder));
        pid = json::parse(parse(*pool, "tell").document).at("pid").get<int>();
        BOOST_TEST(::kill(pid, 0) == 0);
    }
    BOOST_TEST(::kill(pid, 0) != 0);
}

BOOST_AUTO_TEST_CASE(a_file_is_described)
{
    const Folder folder({"file", "ccda"});
    const auto pool = start(options_for(folder));
    const auto type = [&](std::string_view content) {
        return json::parse(parse(*pool, content).document).at("type").get<std::string>();
    };
    BOOST_TEST(type("%PDF-1.7 ...") == "application/pdf");
    BOOST_TEST(type(std::string_view("PK\x03\x04zip", 7)) == "application/zip");
    BOOST_TEST(type("\xff\xd8\xff\xe0") == "image/jpeg");
    BOOST_TEST(type("just words, gr\xc3\xbc\xc3\x9f dich") == "text/plain");
    BOOST_TEST(type(std::string_view("\x01\x02\0\x03", 4)) == "application/octet-stream");
    BOOST_TEST(type("") == "application/octet-stream");
    BOOST_TEST(type("<?xml version=\"1.0\"?><ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\"/>") ==
               "application/ccr+xml");
    BOOST_TEST(type("<Bundle xmlns=\"http://hl7.org/fhir\"/>") == "application/fhir+xml");
    const auto outcome = parse(*pool, "%PDF-1.7");
    BOOST_TEST(json::parse(outcome.document).at("kind") == "file");
    BOOST_TEST(json::parse(outcome.document).at("title") == "it.bin");
    BOOST_TEST(json::parse(outcome.document).at("size") == 8);
}
