// directctl parse for the author of a plugin: which folder is used, which plugins are refused and why.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/ctl/check_plugins.h"
#include "tests/unit/ctl/run_ctl.h"

using namespace direct::test;
namespace fs = std::filesystem;

namespace {

/// A folder with plugins from the build folder, good ones and bad neighbours.
struct Plugins {
    Scratch scratch;
    explicit Plugins(const std::vector<std::string>& names)
    {
        for (const auto& name : names) {
            auto from = build_dir() + "/tests/neighbours/" + name + ".so";
            if (!fs::exists(from)) from = build_dir() + "/lib/direct/plugins/" + name + ".so";
            BOOST_REQUIRE_MESSAGE(fs::exists(from), from);
            fs::copy_file(from, scratch / (name + ".so"));
        }
    }
    std::string path() const { return scratch.path(); }
};

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(parse_tells_the_plugins_it_refused_and_reads_all_the_same)
{
    Plugins folder({"file", "no_symbol", "wrong_abi"});
    write_file(folder.scratch / "junk.so", "no library");
    auto read = ctl({"parse", "--plugins", folder.path(), "-"}, "words");
    BOOST_TEST(read.exit == 0);
    BOOST_TEST(read.json().at("document").at("kind") == "file");
    BOOST_TEST(has(read.err, "directctl: plugin refused: no_symbol.so: has no direct_parser_v1"), read.err);
    BOOST_TEST(has(read.err, "directctl: plugin refused: wrong_abi.so: ABI 9, ours is 1\n"), read.err);
    // What the loader of the system has to say.
    BOOST_TEST(has(read.err, "directctl: plugin refused: junk.so: cannot be loaded: "), read.err);
    BOOST_TEST(has(read.err, "file too short") != has(read.err, "invalid ELF header"), read.err);
    // Without a bad one there is nothing to say.
    BOOST_TEST(ctl({"parse", "--plugins", Plugins({"file"}).path(), "-"}, "words").err == "");
}

BOOST_AUTO_TEST_CASE(parse_list_tells_folder_worker_and_every_plugin)
{
    Plugins folder({"file", "bad_name", "lacks_function", "too_small", "mangled"});
    auto list = ctl({"parse", "--list", "--plugins", folder.path()});
    BOOST_TEST(list.exit == 1);
    for (const auto& part :
         {std::string("folder ") + folder.path() + "\n", "worker " + build_dir() + "/bin/direct-parse\n",
          std::string("file 1.0 "), std::string("loaded\n"), std::string("bad_name.so"),
          std::string("refused: its name \"bad name"),
          std::string("is not usable: 1 to 64 characters of a-z 0-9 _ -\n"),
          std::string("refused: lacks a function: parse is null\n"),
          std::string("refused: direct_parser is too small: its size says 40, at least 48 are needed\n"),
          std::string("refused: has a direct_parser_v1 that is not extern \"C\"\n")})
        BOOST_TEST(has(list.out, part), part << " is not in\n" << list.out);
    auto json = ctl({"parse", "--list", "--json", "--plugins", folder.path()}).json();
    BOOST_TEST(json.at("folder") == folder.path());
    BOOST_TEST(json.at("loaded") == Json::array({"file 1.0"}));
    BOOST_TEST(json.at("refused").size() == 4u);
    BOOST_TEST(json.at("refused").at(0).at("file") == "bad_name.so");
    BOOST_TEST(ctl({"parse", "--list", "--plugins", Plugins({"file"}).path()}).exit == 0);
    BOOST_TEST(ctl({"parse"}).exit == 2);
}

BOOST_AUTO_TEST_CASE(parse_of_a_document_is_exit_0_when_one_inside_it_could_not_be_read)
{
    const Plugins folder({"file", "bad"});
    const auto read = ctl({"parse", "--plugins", folder.path(), "-"}, "bad:itself");
    BOOST_TEST(read.exit == 0);
    const auto inside = read.json().at("children").at(0).at("children").at(0).at("children").at(0);
    BOOST_TEST(inside.at("error") == "limit");
    BOOST_TEST(ctl({"parse", "--plugins", folder.path(), "-"}, "bad:crash").exit == 1);
}

BOOST_AUTO_TEST_CASE(parse_without_a_folder_a_worker_or_a_plugin_is_exit_2)
{
    auto none = ctl({"parse", "--plugins", "/nonexistent", "-"}, "words");
    BOOST_TEST(none.exit == 2);
    BOOST_TEST(none.err == "directctl: --plugins: no folder /nonexistent\n");
    Plugins empty({}), refused({"no_symbol"});
    auto nothing = ctl({"parse", "--plugins", empty.path(), "-"}, "words");
    BOOST_TEST(nothing.exit == 2);
    BOOST_TEST(
        has(nothing.err, "no parser plugin could be loaded from " + empty.path() + ": there is no *.so"));
    auto all_bad = ctl({"parse", "--list", "--plugins", refused.path()});
    BOOST_TEST(all_bad.exit == 2);
    BOOST_TEST(has(all_bad.err, "no_symbol.so: has no direct_parser_v1"), all_bad.err);
    Scratch scratch;
    write_file(scratch / "a.toml", "[plugins]\npath = \"nowhere\"\n");
    auto no_folder = ctl({"parse", "--config", scratch / "a.toml", "-"}, "words");
    BOOST_TEST(no_folder.exit == 2);
    BOOST_TEST(has(no_folder.err, "plugins.path: no folder " + (scratch / "nowhere")), no_folder.err);
    write_file(scratch / "b.toml", "[plugins]\nworker = \"nobody\"\n");
    auto no_worker = ctl({"parse", "--config", scratch / "b.toml", "-"}, "words");
    BOOST_TEST(no_worker.exit == 2);
    BOOST_TEST(has(no_worker.err, "plugins.worker: cannot run " + (scratch / "nobody")), no_worker.err);
}

// The manual promises that parse needs no configuration; one that serves no domain was refused.
BOOST_AUTO_TEST_CASE(parse_needs_no_domain_and_says_where_its_plugins_come_from)
{
    Plugins folder({"file"});
    Scratch scratch;
    write_file(scratch / "a.toml", "[plugins]\npath = \"" + folder.path() + "\"\n");
    auto configured = ctl({"parse", "--config", scratch / "a.toml", "-"}, "words");
    BOOST_TEST(configured.exit == 0, configured.err);
    BOOST_TEST(configured.err == "");
    // Not installed and not set: those beside the program, and that is said.
    write_file(scratch / "b.toml", "[plugins]\nitems_max = 100\n");
    if (!fs::exists("/usr/lib/direct/plugins")) {
        auto beside = ctl({"parse", "--config", scratch / "b.toml", "-"}, "words");
        BOOST_TEST(beside.exit == 0, beside.err);
        BOOST_TEST(beside.err ==
                   "directctl: plugins are taken from " + build_dir() +
                       "/lib/direct/plugins, not from plugins.path (/usr/lib/direct/plugins)\n");
    }
    // Every other command wants one.
    BOOST_TEST(has(ctl({"settings", "--config", scratch / "a.toml"}).err, "no [[domain]]"));
    BOOST_TEST(ctl({"parse", "--config", scratch / "none.toml", "-"}, "words").exit == 2);
}

BOOST_AUTO_TEST_CASE(check_tells_refused_plugins_and_that_no_attachment_is_read)
{
    using direct::ctl::Severity;
    const auto check = [](const std::string& folder) {
        auto settings = direct::default_settings();
        settings.plugins_worker = build_dir() + "/bin/direct-parse";
        settings.plugins_path = folder;
        direct::ctl::Findings findings;
        direct::ctl::check_plugins(settings, findings);
        return findings.all();
    };
    BOOST_TEST(check(Plugins({"file"}).path()).empty());
    Plugins bad({"file", "no_symbol"});
    auto found = check(bad.path());
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST((found[0].severity == Severity::warning));
    BOOST_TEST(found[0].what.starts_with("plugin refused: no_symbol.so: has no direct_parser_v1"));
    found = check("/nonexistent");
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST((found[0].severity == Severity::fault));
    BOOST_TEST(found[0].what == "no attachment is read: plugins.path: no folder /nonexistent");
    // And the command itself.
    const auto& site = shared_site();
    BOOST_TEST(!has(site.run({"check", "--postfix", "/nonexistent"}).out, "plugin"));
    auto text = read_file(site.config);
    const auto path = build_dir() + "/lib/direct/plugins";
    text.replace(text.find(path), path.size(), bad.path());
    write_file(site.dir + "/bad_plugins.toml", text);
    auto told = ctl({"check", "--config", site.dir + "/bad_plugins.toml", "--postfix", "/nonexistent"});
    BOOST_TEST(has(told.out, "warning: plugin refused: no_symbol.so"), told.out);
}

BOOST_AUTO_TEST_CASE(check_counts_documents_that_could_not_be_read)
{
    const auto notes = [](const std::string& metrics) {
        direct::ctl::Findings findings;
        direct::ctl::check_documents(metrics, findings);
        return findings.all();
    };
    BOOST_TEST(notes("").empty());
    BOOST_TEST(
        notes("# TYPE direct_documents_failed_total counter\ndirect_documents_failed_total 0\n").empty());
    const auto found =
        notes("# TYPE direct_documents_failed_total counter\ndirect_documents_failed_total 9\n");
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST((found[0].severity == direct::ctl::Severity::note));
    BOOST_TEST(found[0].what.starts_with("9 attachments could not be read since the daemon was started"));
}
