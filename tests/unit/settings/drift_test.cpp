// drift_test.cpp - tables, generated files and code must tell the same.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "milter/base/text.h"
#include "tests/support/vectors.h"
#include "tests/unit/settings/site.h"

using namespace direct;
using namespace direct::test;

namespace {

std::set<std::string> log_events()
{
    return {
#define LOG_EVENT(word, doc) word,
#include "conf/log_events.def"
#undef LOG_EVENT
    };
}

/// The literals of the last argument of every "LogLine(" or "LogLine name(" in `code`: its events.
std::vector<std::string> events_in(const std::string& code)
{
    std::vector<std::string> events;
    const std::regex start(R"(\bLogLine(\s+\w+)?\s*\()");
    for (std::sregex_iterator hit(code.begin(), code.end(), start), end; hit != end; ++hit) {
        std::vector<std::string> argument;
        int depth = 1;
        for (auto at = static_cast<std::size_t>(hit->position() + hit->length()); at < code.size() && depth;
             ++at) {
            if (code[at] == '"') {
                auto close = code.find('"', at + 1);
                if (close == code.npos) break;
                argument.push_back(code.substr(at + 1, close - at - 1));
                at = close;
            } else if (code[at] == '(') {
                ++depth;
            } else if (code[at] == ')') {
                --depth;
            } else if (code[at] == ',' && depth == 1) {
                argument.clear();
            }
        }
        events.insert(events.end(), argument.begin(), argument.end());
    }
    return events;
}

/// The generated file must be in the tree as it is made now; DIRECT_UPDATE=1 writes it.
void check_generated(const std::string& name, const std::string& made)
{
    auto path = source_dir() + "/" + name;
    if (std::getenv("DIRECT_UPDATE")) write_file(path, made);
    BOOST_TEST((read_file(path) == made),
               name << " differs from settings.def; write it with DIRECT_UPDATE=1");
}

std::string uncommented(const std::string& sample)
{
    std::string out;
    std::istringstream in(sample);
    for (std::string line; std::getline(in, line);)
        out += (line.starts_with("# ") ? line.substr(2) : line) + "\n";
    return out.substr(out.find("[milter]"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_sample_file_is_current)
{
    check_generated("conf/direct.toml.sample", sample_file());
}

BOOST_AUTO_TEST_CASE(the_manual_page_is_current)
{
    check_generated("conf/man/direct.toml.5", manual_page());
}

BOOST_AUTO_TEST_CASE(the_sample_file_is_a_configuration)
{
    for (const auto& row : describe(*taken(sample_file())))
        BOOST_TEST((!row.changed || row.name == "domain.1.name"), row.name);
}

BOOST_AUTO_TEST_CASE(the_sample_file_without_comment_marks_is_a_configuration_of_defaults)
{
    for (const auto& row : describe(*taken(uncommented(sample_file())))) {
        if (row.type.empty()) continue;
        BOOST_TEST(!row.changed, row.name << " = " << row.value);
        BOOST_TEST(row.origin != "default", row.name);
    }
}

BOOST_AUTO_TEST_CASE(the_manual_page_has_no_line_that_troff_would_take_for_a_request)
{
    const std::set<std::string> used = {".TH", ".SH", ".SS", ".TP", ".PP", ".B",
                                        ".BR", ".I",  ".br", ".nf", ".fi", ".\\\""};
    std::istringstream in(manual_page());
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || (line[0] != '.' && line[0] != '\'')) continue;
        BOOST_TEST(used.contains(line.substr(0, line.find(' '))), line);
    }
}

BOOST_AUTO_TEST_CASE(events_are_found_in_code)
{
    auto one = [](const std::string& code) { return join(events_in(code), " "); };
    BOOST_TEST(one("LogLine(LOG_INFO, \"-\", \"start\").with(\"a\", f(1, \"b\"));") == "start");
    BOOST_TEST(one("LogLine line(LOG_INFO, t.id(1, 2), \"start\");") == "start");
    BOOST_TEST(one("LogLine(LOG_ERR, \"\",\n        bad ? \"config\" : \"key\")") == "config key");
    BOOST_TEST(one("class LogLine {\n LogLine(int priority, std::string_view id, std::string_view event);") ==
               "");
    BOOST_TEST(one("LogLine(LOG_INFO, x, \"a, (b\")") == "a, (b");
}

BOOST_AUTO_TEST_CASE(every_log_event_in_the_code_is_listed)
{
    namespace fs = std::filesystem;
    auto known = log_events();
    for (const char* top : {"milter", "policy", "plugins", "conf"}) {
        if (!fs::exists(source_dir() + "/" + top)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(source_dir() + "/" + top)) {
            auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".h") continue;
            for (const auto& event : events_in(read_file(entry.path())))
                BOOST_TEST(known.contains(event), entry.path().string()
                                                      << ": \"" << event << "\" is not in log_events.def");
        }
    }
}

BOOST_AUTO_TEST_CASE(log_events_are_words)
{
    for (const auto& word : log_events()) {
        BOOST_TEST(!word.empty());
        BOOST_TEST(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == word.npos, word);
    }
}
