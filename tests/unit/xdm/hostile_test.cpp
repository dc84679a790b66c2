// Zips that want to hurt. Nothing is unpacked from a package whose directory does not hold; what a single
// member hides costs that member only.
#include <boost/test/unit_test.hpp>

#include "plugins/host/worker_pool.h"
#include "plugins/xdm/zip.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/ccda/plugin_under_test.h"
#include "tests/unit/xdm/zip_writer.h"

using namespace direct::test;
using nlohmann::json;

namespace {

const PluginUnderTest& xdm()
{
    static const PluginUnderTest plugin("xdm");
    return plugin;
}

void refused(const std::string& bytes, direct_parse_status status, const std::string& why)
{
    const auto told = xdm().read(bytes);
    BOOST_TEST(told.status == status, why);
    BOOST_REQUIRE(!told.notes.empty());
    BOOST_TEST(told.notes.back() == "zip: " + why);
    BOOST_TEST(told.children.empty());
}

// The member cannot be had, its neighbour can.
void skipped(ZipEntry entry, const std::string& why)
{
    const auto told = xdm().read(zip_of({entry, {"good.txt", "good"}}));
    BOOST_TEST(told.status == DIRECT_PARSED, why);
    BOOST_REQUIRE(told.skipped.size() == 1u);
    BOOST_TEST(told.skipped[0].second == entry.name + ": " + why);
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST(told.children[0].second == "good");
}

std::string edited(std::string bytes, std::size_t at, const std::string& with)
{
    return bytes.replace(at, with.size(), with);
}

std::unique_ptr<direct::WorkerPool> start_pool()
{
    direct::PoolOptions options;
    options.worker = build_dir() + "/bin/direct-parse";
    options.plugins = build_dir() + "/lib/direct/plugins";
    options.children = 1;
    auto pool = direct::WorkerPool::start(options);
    BOOST_REQUIRE(pool);
    return *std::move(pool);
}

}  // namespace

BOOST_AUTO_TEST_CASE(members_that_cannot_be_had)
{
    skipped({"a", "x", false, 1}, "encrypted");
    skipped({"a", "x", false, 1 << 6}, "encrypted");
    skipped({.name = "a", .content = "/etc/passwd", .made_by = 3 << 8, .attributes = 0120777u << 16},
            "a symbolic link");
    skipped({.name = "a", .content = "x", .made_by = 3 << 8, .attributes = 0010644u << 16}, "no plain file");
    skipped({.name = "a", .content = "x", .method = 12}, "packed in a way we do not read");
    // Sizes and checksums that lie.
    skipped({.name = "a", .content = "xyz", .size = 2}, "its size is not the one told");
    skipped({.name = "a", .content = "xyz", .size = 4}, "its size is not the one told");
    skipped({.name = "a", .content = "xyz", .deflated = true, .size = 2}, "its size is not the one told");
    skipped({.name = "a", .content = "xyz", .deflated = true, .size = 0}, "its size is not the one told");
    skipped({.name = "a", .content = "xyz", .deflated = true, .size = 60000}, "its size is not the one told");
    skipped({.name = "a", .content = "xyz", .deflated = true, .crc = 1}, "its checksum does not fit");
    skipped({.name = "a", .content = "not deflate", .method = 8}, "its size is not the one told");
    // A plain file made on Unix is none of these.
    const auto told =
        xdm().read(zip_of({{.name = "a", .content = "x", .made_by = 3 << 8, .attributes = 0100644u << 16}}));
    BOOST_TEST(told.children.size() == 1u);
}

// Names stand in a package in any character set: cut within a character, or no UTF-8 at all, they were told as they were.
BOOST_AUTO_TEST_CASE(names_of_members_that_cannot_be_had_are_told_as_text)
{
    const auto told = [](const std::string& name) {
        const auto read = xdm().read(zip_of({{name, "x", false, 1}, {"good.txt", "good"}}));
        BOOST_REQUIRE(read.skipped.size() == 1u);
        return read.skipped[0].second;
    };
    BOOST_TEST(told("D\xB1\xB2.XML") == "D??.XML: encrypted");
    const std::string long_name(255, 'x');
    BOOST_TEST(told(long_name + "\xC3\xA4.xml") == long_name + ": encrypted");
}

BOOST_AUTO_TEST_CASE(names_are_text_and_never_paths)
{
    for (const std::string name : {"../../etc/cron.d/x", "/etc/passwd", "C:\\Windows\\x",
                                   "\\\\host\\share\\x", "a/../../x", "..\\x", "file:///x"}) {
        const auto told = xdm().read(zip_of({{name, "content"}}));
        BOOST_TEST(told.status == DIRECT_PARSED, name);
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST(told.containers[0].value("leadsOut", false), name);
        BOOST_TEST(told.child_names[0].find('/') == std::string::npos, name);
        BOOST_TEST(told.child_names[0].find('\\') == std::string::npos, name);
        BOOST_TEST(told.notes.at(0) == "one member has a name no honest writer gives");
    }
    for (const std::string& name :
         {std::string("a\0.exe", 6), std::string("a\r\nb"), std::string(2000, 'n')}) {
        const auto told = xdm().read(zip_of({{name, "content"}}));
        BOOST_REQUIRE(told.children.size() == 1u);
        BOOST_TEST(told.containers[0].value("oddName", false));
        BOOST_TEST(told.containers[0].at("path").get<std::string>().size() <= direct::xdm::limits::name_max);
    }
    const auto twice = xdm().read(zip_of({{"a.xml", "1"}, {"A.XML", "2"}}));
    BOOST_REQUIRE(twice.children.size() == 2u);
    BOOST_TEST(!twice.containers[0].contains("duplicateName"));
    BOOST_TEST(twice.containers[1].value("duplicateName", false));
    // Names of another time's encoding.
    BOOST_TEST(xdm().read(zip_of({{"gr\x81\x7a.xml", "1"}})).children.size() == 1u);
}

BOOST_AUTO_TEST_CASE(damaged_directories)
{
    const auto made = make_zip({{"a", "one"}, {"b", "two"}});
    const std::string& good = made.bytes;
    BOOST_TEST(xdm().read(good).children.size() == 2u);
    for (std::size_t n = 0; n < good.size(); ++n) {
        const auto told = xdm().read(good.substr(0, n));
        BOOST_TEST(told.status == DIRECT_MALFORMED, n);
        BOOST_TEST(told.children.empty());
    }
    refused("PK\x03\x04", DIRECT_MALFORMED, "no end record");
    refused(good.substr(0, made.end), DIRECT_MALFORMED, "no end record");
    refused(edited(good, made.directory, "XX"), DIRECT_MALFORMED, "its directory is damaged");
    refused(edited(good, made.end + 16, little(good.size(), 4)), DIRECT_MALFORMED,
            "its directory lies outside");
    refused(edited(good, made.end + 12, little(good.size(), 4)), DIRECT_MALFORMED,
            "its directory lies outside");
    refused(edited(good, made.end + 10, little(3, 2)), DIRECT_MALFORMED, "in more than one part");
    refused(edited(edited(good, made.end + 10, little(3, 2)), made.end + 8, little(3, 2)), DIRECT_MALFORMED,
            "its directory is damaged");
    refused(edited(good, made.end + 4, little(1, 2)), DIRECT_MALFORMED, "in more than one part");
    refused(zip_of({{.name = "a", .content = "x", .offset = 5}}), DIRECT_MALFORMED,
            "a member is not where the directory says");
    refused(zip_of({{.name = "a", .content = "x", .offset = 0xFFFFFFF0}}), DIRECT_MALFORMED,
            "a member is not where the directory says");
    refused(zip_of({{.name = "a", .content = "x", .packed = 5000}}), DIRECT_MALFORMED,
            "a member does not end inside the package");
    refused(zip_of({{.name = "a", .content = "x", .local_name = "b"}}), DIRECT_MALFORMED,
            "a member has two names");
    // What comes behind the end, a comment or a line break of the mail, hurts nobody.
    BOOST_TEST(xdm().read(good + "\r\n").children.size() == 2u);
    BOOST_TEST(xdm().read(make_zip({{"a", "one"}}, std::string(60000, 'c')).bytes).children.size() == 1u);
}

BOOST_AUTO_TEST_CASE(bombs)
{
    // Two names for one place: how a few bytes become petabytes.
    refused(zip_of({{"a", "one"}, {.name = "a", .content = "one", .offset = 0}}), DIRECT_MALFORMED,
            "members overlap");
    const std::string inner = zip_of({{"b", "two"}});
    refused(zip_of({{"a", inner}, {.name = "b", .content = "two", .offset = 31}}), DIRECT_MALFORMED,
            "members overlap");
    const std::uint32_t mb = 1 << 20;
    refused(zip_of({{.name = "a", .content = "x", .deflated = true, .size = 65 * mb}}), DIRECT_LIMIT,
            "more than 64 MB unpacked");
    const std::string some(60000, 'x');
    std::vector<ZipEntry> many(7, {.name = "a", .content = some, .deflated = true, .size = 10 * mb});
    refused(zip_of(many), DIRECT_LIMIT, "more than 64 MB unpacked");
    refused(zip_of({{.name = "a", .content = "x", .deflated = true, .size = 2 * mb}}), DIRECT_LIMIT,
            "a member is more than 200 times its packed size");
    // Small ones may be packed as well as they can.
    const std::string good =
        run("python3 -c \"import zipfile,sys,io;b=io.BytesIO();z=zipfile.ZipFile(b,'w',8);"
            "z.writestr('a','x'*1000000);z.close();sys.stdout.buffer.write(b.getvalue())\"");
    const auto told = xdm().read(good);
    BOOST_REQUIRE(told.children.size() == 1u);
    BOOST_TEST((told.children[0].second == std::string(1'000'000, 'x')));
    std::vector<ZipEntry> crowd(1001, {"a", ""});
    refused(zip_of(crowd), DIRECT_LIMIT, "more than 1000 members");
    crowd.pop_back();
    BOOST_TEST(xdm().read(zip_of(crowd)).children.size() == 1000u);
}

BOOST_AUTO_TEST_CASE(honest_variants)
{
    for (bool deflated : {false, true})
        for (bool zip64 : {false, true})
            for (bool descriptor : {false, true})
                for (bool zip64_end : {false, true}) {
                    const auto told = xdm().read(make_zip({{.name = "a",
                                                            .content = "one",
                                                            .deflated = deflated,
                                                            .zip64 = zip64,
                                                            .descriptor = descriptor},
                                                           {"b", "two"}},
                                                          "", zip64_end)
                                                     .bytes);
                    BOOST_TEST(told.status == DIRECT_PARSED);
                    BOOST_REQUIRE(told.children.size() == 2u);
                    BOOST_TEST(told.children[0].second == "one");
                    BOOST_TEST(told.children[1].second == "two");
                }
    // Empty members, and a gzip file that stays one.
    BOOST_TEST(xdm().read(zip_of({{"a", "", true}, {"b", ""}})).children.size() == 2u);
    const std::string gzip = run("printf hello | gzip -c");
    for (bool deflated : {false, true})
        BOOST_TEST((xdm().read(zip_of({{"a.gz", gzip, deflated}})).children.at(0).second == gzip));
    // Written to a pipe: sizes come behind the bytes.
    const std::string piped =
        run("printf 'some words' | python3 -c \"import zipfile,sys\n"
            "class P:\n"
            " def __init__(s): s.f=sys.stdout.buffer\n"
            " def write(s,b): s.f.write(b); return len(b)\n"
            " def flush(s): s.f.flush()\n"
            "z=zipfile.ZipFile(P(),'w',8)\n"
            "z.writestr('w.txt',sys.stdin.read()); z.close()\"");
    BOOST_TEST(xdm().read(piped).children.at(0).second == "some words");
}

// Through direct-parse, in its sandbox: nothing it needs was left outside.
BOOST_AUTO_TEST_CASE(packages_in_packages_end)
{
    const auto pool = start_pool();
    std::string bytes = "<ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\"/>";
    for (int depth = 0; depth < 3; ++depth) {
        bytes = zip_of({{"inner.bin", bytes, true}});
        direct::ParseRequest request;
        request.content = bytes;
        const auto outcome = pool->parse(request);
        BOOST_REQUIRE(outcome);
        BOOST_TEST(outcome->status == "parsed");
        BOOST_TEST(outcome->plugin == "xdm 1.0");
        auto inner = outcome->children.at(0);
        for (int i = 0; i < depth; ++i) inner = inner->children.at(0);
        // Three deep: the fourth is named and not read.
        BOOST_TEST(inner->status == (depth < 2 ? "parsed" : "limit"), depth);
        if (depth < 2) BOOST_TEST(json::parse(inner->document).at("kind") == "ccr");
    }
}

namespace {

/// What stands in an outcome for documents inside, all levels together.
struct Inside {
    std::size_t told = 0, parsed = 0, not_listed = 0, deepest_parsed = 0;
    void count(const direct::ParseOutcome& outcome, std::size_t depth = 1)
    {
        for (const auto& s : outcome.skipped)
            if (s.section == "documents") not_listed += std::stoul(s.reason);
        for (const auto& one : outcome.children) {
            ++told;
            parsed += one->status == "parsed";
            if (one->status == "parsed") deepest_parsed = std::max(deepest_parsed, depth);
            count(*one, depth + 1);
        }
    }
};

}  // namespace

// Forty packages of forty: each is small, together they would be a day's work.
BOOST_AUTO_TEST_CASE(packages_of_packages_are_counted_together)
{
    const auto pool = start_pool();
    const std::string inner = zip_of(std::vector<ZipEntry>(40, {"a.txt", "words"}));
    const std::string outer = zip_of(std::vector<ZipEntry>(40, {"a.zip", inner, true}));
    direct::ParseRequest request;
    request.content = outer;
    const auto outcome = pool->parse(request);
    BOOST_REQUIRE(outcome);
    BOOST_TEST(outcome->children.size() == 40u);
    Inside inside;
    inside.count(*outcome);
    BOOST_TEST(inside.told == 1000u);
    BOOST_TEST(inside.parsed == 1000u);
    BOOST_TEST(inside.not_listed == 40u + 40u * 40u - 1000u);
}

// Only those that were read were counted: 142 KB of packages made 855,931 rows, of which a thousand said anything.
BOOST_AUTO_TEST_CASE(documents_that_are_not_read_are_counted_too)
{
    const auto pool = start_pool();
    std::string bytes = zip_of(std::vector<ZipEntry>(30, {"a", "a"}));
    for (int depth = 0; depth < 2; ++depth) bytes = zip_of(std::vector<ZipEntry>(30, {"a.zip", bytes}));
    direct::ParseRequest request;
    request.content = bytes;
    const auto outcome = pool->parse(request);
    BOOST_REQUIRE(outcome);
    BOOST_TEST(outcome->status == "parsed");
    BOOST_TEST(outcome->children.size() == 30u);
    Inside inside;
    inside.count(*outcome);
    BOOST_TEST(inside.told == 1000u);
    // The first package of the second level has all its members named, none of them read: they are too deep.
    BOOST_TEST(inside.deepest_parsed == 2u);
    // Of packages that are not listed themselves nobody knows what they hold.
    BOOST_TEST(inside.not_listed > 900u);
    const auto text = to_json(*outcome);
    BOOST_TEST(text.size() < 1u << 20);
    BOOST_TEST(text.find("more documents inside are not listed") != std::string::npos);
}

// A small document whose answer is large, many times: an actor told with everybody who refers to it.
BOOST_AUTO_TEST_CASE(answers_of_inner_documents_are_counted_together)
{
    const auto pool = start_pool();
    std::string providers;
    for (int i = 0; i < 80; ++i) providers += "<Provider><ActorID>A</ActorID></Provider>";
    const std::string record =
        "<ContinuityOfCareRecord xmlns=\"urn:astm-org:CCR\"><Body><HealthCareProviders>" + providers +
        "</HealthCareProviders></Body><Actors><Actor><ActorObjectID>A</"
        "ActorObjectID><Person><Name><CurrentName><Given>" +
        std::string(25'000, 'x') +
        "</Given></CurrentName></Name></Person></Actor></Actors></ContinuityOfCareRecord>";
    const std::string outer = zip_of(std::vector<ZipEntry>(20, {"a.xml", record, true}));
    direct::ParseRequest request;
    request.content = outer;
    const auto outcome = pool->parse(request);
    BOOST_REQUIRE(outcome);
    std::uint64_t bytes = 0;
    for (const auto& child : outcome->children)
        for (const auto& item : child->items) bytes += item.json.size();
    BOOST_TEST(outcome->children.front()->status == "parsed");
    BOOST_TEST(outcome->children.back()->status == "limit");
    BOOST_TEST(outcome->children.back()->detail == "documents inside documents: they hold too much");
    BOOST_TEST(bytes < 100u << 20);
}

BOOST_AUTO_TEST_CASE(a_host_that_says_stop_is_obeyed)
{
    const std::string bytes = zip_of({{"a", "one"}, {"../b", "two"}, {"c", "x", false, 1}});
    // Two children, one skip, one note, the document.
    for (int n = 1; n <= 5; ++n) BOOST_TEST(xdm().read_until(bytes, n) == DIRECT_LIMIT, n);
    BOOST_TEST(xdm().read_until(bytes, 6) == DIRECT_PARSED);
}
