// Commands without configuration, store and root; exit codes of a wrong command line.
#include <sys/stat.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "tests/unit/ctl/run_ctl.h"

using namespace direct;
using namespace direct::test;
namespace bdata = boost::unit_test::data;

BOOST_AUTO_TEST_CASE(a_wrong_command_line_is_exit_2_on_standard_error)
{
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {},
             {"bundle", "list"},
             {"policy", "check", "/no/such"},
             {"policy", "eval", "--cert", "/no/such"},
             {"policy", "eval", "-e", "a = a"},
             {"policy", "eval", "-e", "a = a", "--cert", "/no/such"},
             {"policy", "eval", "x", "-e", "a = a", "--cert", "/no/such"},
             {"held"},
             {"held", "purge", "x"},
             {"held", "show"},
             {"settings", "--no-such"},
             {"subject"},
             {"subject", "a", "--header", "b"},
             {"explain", "--direction", "in"},
             {"explain", "--direction", "in", "--from", "a@b.org", "--to", "c@d.org"},
             {"audit", "export"},
             {"audit", "export", "--format", "atna"},
             {"store", "compact"},
             {"--time", "noon", "settings"},
             {"init", "--domain", "nodots"},
             {"subject", "--newuser", "x", "a@b.org"}}) {
        auto done = ctl(arguments);
        BOOST_TEST(done.exit == 2, join(arguments, " ") << ": " << done.exit << done.out);
        BOOST_TEST(!done.err.empty(), join(arguments, " "));
    }
    BOOST_TEST(ctl({"--help"}).exit == 0);
    BOOST_TEST(ctl({"key", "add", "--help"}).exit == 0);
    BOOST_TEST(ctl({"--version"}).out.starts_with("directctl "));
}

BOOST_AUTO_TEST_CASE(a_missing_configuration_is_exit_2)
{
    for (const char* command : {"settings", "check", "metrics", "reload"}) {
        auto done = ctl({command, "--config", "/nonexistent/direct.toml"});
        BOOST_TEST(done.exit == 2, command);
        BOOST_TEST(done.err.find("/nonexistent/direct.toml") != std::string::npos, command);
    }
    BOOST_TEST(ctl({"check", "--nagios", "--config", "/nonexistent/direct.toml"})
                   .out.starts_with("DIRECT CRITICAL"));
}

BOOST_DATA_TEST_CASE(subject_vectors, bdata::make(load_vectors("newuser_subject.vec")), v)
{
    // What only a configuration can set has its own test below.
    if (v.has("Strip") || v.has("Utf8")) return;
    // An argument ends at a NUL: such a line comes from standard input.
    auto text = v.has("Header") ? v.get("Header") : v.get("In");
    Scratch scratch;
    write_file(scratch / "header", text);
    Outcome done;
    if (v.has("Header"))
        done = ctl({"subject", "--header", scratch / "header", "--newuser", "newuser@direct.example.net"});
    else if (text.find('\0') != std::string::npos || text.empty() || text[0] == '-')
        done = ctl({"subject", "-", "--newuser", "newuser@direct.example.net"}, text);
    else
        done = ctl({"subject", text, "--newuser", "newuser@direct.example.net"});
    auto json = done.json();
    BOOST_REQUIRE_MESSAGE(json.is_object(), done.out + done.err);
    if (v.has("Error")) {
        BOOST_TEST(done.exit == 1);
        BOOST_TEST(json["ok"] == false);
        BOOST_TEST(json["error"] == v.get("Error"));
        BOOST_TEST(json.size() == 2u);
        return;
    }
    BOOST_TEST(done.exit == 0);
    BOOST_TEST(json["ok"] == true);
    for (const auto& [field, name] : {std::pair{"Email", "email"},
                                      {"Name", "name"},
                                      {"Question", "question"},
                                      {"Answer", "answer"},
                                      {"Subject", "subject"}}) {
        BOOST_TEST(json.contains(name) == !v.get(field).empty(), name);
        BOOST_TEST(json.value(name, "") == v.get(field));
    }
}

BOOST_AUTO_TEST_CASE(subject_from_standard_input_and_with_a_configuration)
{
    auto done = ctl({"subject", "-"}, "jane@example.org;Pet name;Rex Rexington\n");
    BOOST_TEST(done.exit == 0);
    BOOST_TEST(done.json()["answer"] == "Rex Rexington");
    BOOST_TEST(ctl({"subject", ""}).json()["error"] == "subject-empty");
    BOOST_TEST(ctl({"subject", "newuser@direct.example.org"}).json()["error"] == "email-loop");
    BOOST_TEST(ctl({"subject", "newuser@direct.example.org", "--newuser", "newuser@other.example"}).exit ==
               0);

    Scratch scratch;
    auto config = scratch / "direct.toml";
    write_file(config,
               "[newuser]\nstrip_prefixes = [\"[EXTERNAL]\"]\n[[domain]]\nname = \"direct.example.com\"\n");
    BOOST_TEST(ctl({"subject", "[EXTERNAL] jane@example.org", "--config", config}).exit == 0);
    BOOST_TEST(ctl({"subject", "newuser@direct.example.com", "--config", config}).json()["error"] ==
               "email-loop");
    BOOST_TEST(ctl({"subject", "[EXTERNAL] jane@example.org"}).exit == 1);
    BOOST_TEST(ctl({"subject", "jane@example.org", "--config", scratch / "missing"}).exit == 2);
}

BOOST_AUTO_TEST_CASE(settings_tell_value_and_origin)
{
    Scratch scratch;
    auto config = scratch / "direct.toml";
    write_file(config, "[limits]\nmime_depth = 12\n[[domain]]\nname = \"direct.example.org\"\n");
    auto all = ctl({"settings", "--config", config, "--json"});
    BOOST_TEST(all.exit == 0);
    auto rows = all.json()["settings"];
    BOOST_TEST(rows.size() > 40u);
    auto changed = ctl({"settings", "--changed", "--json", "--config", config}).json()["settings"];
    BOOST_TEST(changed.size() < rows.size());
    bool found = false;
    for (const auto& row : changed)
        if (row["name"] == "limits.mime_depth") {
            found = true;
            BOOST_TEST(row["value"] == "12");
            BOOST_TEST(row["origin"] == config + ":2");
        }
    BOOST_TEST(found);
    BOOST_TEST(ctl({"settings", "--config", config}).out.find("milter.message_max") != std::string::npos);

    write_file(config, "[limits]\nmime_dept = 12\n");
    auto wrong = ctl({"settings", "--config", config});
    BOOST_TEST(wrong.exit == 2);
    BOOST_TEST(wrong.err.find("mime_depth") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(parse_of_a_missing_file_is_exit_2)
{
    BOOST_TEST(ctl({"parse", "/nonexistent"}).exit == 2);
    if (geteuid() == 0) {
        auto done = ctl({"parse", "--no-sandbox", "/etc/hostname"});
        BOOST_TEST(done.exit == 1);
        BOOST_TEST(done.out.find("refused") != std::string::npos);
    }
}

namespace {

/// directctl as a shell runs it, with redirections; `pre` goes before it.
Outcome in_shell(const std::string& arguments, const std::string& pre = "")
{
    Scratch scratch;
    const int status = std::system((pre + "{ " + test::quoted(build_dir() + "/bin/directctl") + " " +
                                    arguments + "; } > " + scratch / "out" + " 2> " + scratch / "err")
                                       .c_str());
    return {WEXITSTATUS(status), read_file(scratch / "out"), read_file(scratch / "err")};
}

}  // namespace

// A folder or nothing at all at standard input was an empty document, and exit 0.
BOOST_AUTO_TEST_CASE(standard_input_that_cannot_be_read_is_exit_2)
{
    for (const std::string command : {"parse - ", "subject - ", "subject --header - "})
        for (const std::string input : {"< /", "<&-"}) {
            const auto outcome = in_shell(command + input);
            BOOST_TEST(outcome.exit == 2, command << input);
            BOOST_TEST(outcome.out == "", command << input);
            BOOST_TEST(outcome.err.starts_with("directctl: standard input: "), command << input);
        }
    // One with nothing in it is a document.
    const auto empty = in_shell("parse - < /dev/null");
    BOOST_TEST(empty.exit == 0);
    BOOST_TEST(empty.json().at("document").at("size") == 0);
}

// The answer was lost, or half of it, and the exit code said done. Closed, its number went to the store's lock file.
BOOST_AUTO_TEST_CASE(an_answer_that_standard_output_does_not_take_is_exit_75)
{
    const auto audit = "audit --config " + test::quoted(shared_site().config) + " ";
    for (const std::string where : {"> /dev/full", ">&-"})
        for (const auto& command : {std::string("parse /etc/hostname "), std::string("--help "),
                                    std::string("subject 'no newuser subject' "), audit}) {
            const auto outcome = in_shell(command + where);
            BOOST_TEST(outcome.exit == 75, command << where);
            BOOST_TEST(outcome.err == "directctl: standard output did not take everything\n",
                       command << where);
        }
    // What is wrong with the input is told all the same.
    BOOST_TEST(in_shell("parse /nonexistent > /dev/full").exit == 2);
}

BOOST_AUTO_TEST_CASE(parse_takes_a_pipe_by_its_name_and_no_folder)
{
    Scratch scratch;
    const auto fifo = scratch / "pipe.xml";
    BOOST_REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    const auto piped = in_shell("parse " + fifo, "printf '%%PDF-1.7\\n' > " + fifo + " & ");
    BOOST_TEST(piped.exit == 0);
    BOOST_TEST(piped.json().at("document").at("kind") == "file");
    BOOST_TEST(piped.json().at("document").at("type") == "application/pdf");
    BOOST_TEST(piped.json().at("document").value("mismatch", false));
    const auto folder = in_shell("parse " + scratch.path());
    BOOST_TEST(folder.exit == 2);
    BOOST_TEST(folder.out == "");
    BOOST_TEST(folder.err.ends_with(": is a directory\n"));
}
