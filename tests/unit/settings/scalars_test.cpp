#include <boost/test/unit_test.hpp>
#include <set>

#include "conf/settings_rows.h"
#include "tests/unit/settings/site.h"

using namespace direct;
using namespace direct::test;

namespace {

/// A value as it is written in the file.
std::string toml_value(const ScalarRow& row, const std::string& text)
{
    if (row.type == SettingType::Count || row.type == SettingType::Flag) return text;
    if (row.type == SettingType::Texts) return text.empty() ? "[]" : "[\"" + text + "\"]";
    return "\"" + text + "\"";
}

std::string with(const ScalarRow& row, const std::string& value)
{
    return "[" + std::string(row.section) + "]\n" + std::string(row.name) + " = " + value + "\n" + one_domain;
}

/// One more, or one less, than a bound.
std::string beside(const ScalarRow& row, std::string_view bound, int step)
{
    Settings scratch = default_settings();
    std::string out;
    ScalarRow open = row;
    open.min = open.max = "";
    if (row.type == SettingType::Bytes) {
        setting::Bytes v = 0;
        BOOST_REQUIRE(read_value(open, bound, v));
        out = std::to_string(v + static_cast<setting::Bytes>(step)) + "B";
    } else if (row.type == SettingType::Duration) {
        milliseconds v{};
        BOOST_REQUIRE(read_value(open, bound, v));
        out = std::to_string(v.count() + step) + "ms";
    } else {
        setting::Count v = 0;
        BOOST_REQUIRE(read_value(open, bound, v));
        out = std::to_string(v + step);
    }
    return out;
}

bool is_bounded(const ScalarRow& row)
{
    return row.type == SettingType::Bytes || row.type == SettingType::Duration ||
           row.type == SettingType::Count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_setting_is_documented_and_named_once)
{
    std::set<std::string> names;
    for (const auto& row : scalar_rows()) {
        BOOST_TEST_CONTEXT(row.full_name())
        {
            BOOST_TEST(row.doc.size() > 20u);
            BOOST_TEST(row.doc.back() == '.');
            BOOST_TEST(names.insert(row.full_name()).second);
            if (is_bounded(row)) BOOST_TEST(!row.min.empty());
            if (is_bounded(row)) BOOST_TEST(!row.max.empty());
        }
    }
    BOOST_TEST(names.size() > 50u);
}

BOOST_AUTO_TEST_CASE(every_setting_reads_its_own_default)
{
    auto defaults = default_settings();
    for (const auto& row : scalar_rows()) {
        BOOST_TEST_CONTEXT(row.full_name())
        {
            auto s = taken(with(row, toml_value(row, std::string(row.default_value))));
            for (const auto& r : describe(*s)) {
                if (r.name.starts_with("domain.")) continue;
                BOOST_TEST(!r.changed, r.name << " is " << r.value);
                BOOST_TEST(r.origin == (r.name == row.full_name() ? "/etc/direct/direct.toml:2" : "default"));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(bounds_are_held_exactly)
{
    for (const auto& row : scalar_rows()) {
        if (!is_bounded(row)) continue;
        BOOST_TEST_CONTEXT(row.full_name())
        {
            CHECK_SAYS(refused(with(row, toml_value(row, beside(row, row.max, 1)))), "must be from ");
            if (row.min == "0") continue;
            auto low = refused(with(row, toml_value(row, beside(row, row.min, -1))));
            CHECK_SAYS(low, row.full_name() + " must be from " + std::string(row.min));
        }
    }
}

BOOST_AUTO_TEST_CASE(values_are_read_with_their_units)
{
    auto s = taken(
        "[milter]\nmessage_max = \"32M\"\n[limits]\nwork_wait = \"90s\"\nrecipients = 7\n"
        "[outbound]\npass_encrypted = true\n[listeners]\nsubmission = [\"a\", \"b\"]\n"
        "[store]\nsize_max = \"2T\"\nkeys = \"keys\"\n[policy]\nrevocation_grace = \"0\"\n" +
        one_domain);
    BOOST_TEST(s->milter_message_max == 32u << 20);
    BOOST_TEST(s->limits_work_wait.count() == 90'000);
    BOOST_TEST(s->limits_recipients == 7);
    BOOST_TEST(s->outbound_pass_encrypted);
    BOOST_TEST(s->listeners_submission.size() == 2u);
    BOOST_TEST(s->store_size_max == 2ULL << 40);
    BOOST_TEST(s->store_keys == "/etc/direct/keys");
    BOOST_TEST(s->policy_revocation_grace.count() == 0);
}

BOOST_AUTO_TEST_CASE(wrong_kinds_and_words_are_refused)
{
    struct Case {
        const char* toml;
        const char* says;
    };
    for (auto c : {
             Case{"[milter]\nmessage_max = 64\n", "2:15: milter.message_max wants a size with its unit"},
             Case{"[milter]\nmessage_max = \"64\"\n", "wants a size with its unit"},
             Case{"[milter]\nmessage_max = \"99999999999T\"\n", "wants a size with its unit"},
             Case{"[policy]\nbudget = \"20\"\n", "wants a time with its unit"},
             Case{"[policy]\nbudget = 20.5\n", "not a fraction, date or time"},
             Case{"[limits]\nheaders = true\n", "not true or false"},
             Case{"[limits]\nrecipients = \"7\"\n", "limits.recipients wants a whole number, not text"},
             Case{"[outbound]\npass_encrypted = \"true\"\n", "wants true or false, not text"},
             Case{"[outbound]\ndigest = \"sha265\"\n", "nearest: sha256"},
             Case{"[outbound]\ndigest = \"sha1\"\n", "wants one of sha256, sha384, sha512"},
             Case{"[outbound]\nsubject = \"a\\nBcc: x@y\"\n", "holds a control character"},
             Case{"[outbound]\nsubject = \"\"\n", "outbound.subject is empty"},
             Case{"[listeners]\nsubmission = \"ORIGINATING\"\n", "wants a list, not text"},
             Case{"[listeners]\nsubmission = [1]\n", "wants text, not a number"},
             Case{"[store]\npath = \"\"\n", "store.path wants a path"},
             Case{"milter = 5\n", "milter wants a table, not a number"},
             Case{"[milter]\nsocket = \"/run/x\"\n", "wants unix:/path or inet:host:port"},
             Case{"[milter]\nsocket = \"inet:127.0.0.1:0\"\n", "wants unix:/path or inet:host:port"},
             Case{"[reinject]\nsmtp = \"127.0.0.1\"\n", "wants host:port"},
             Case{"[discovery]\nldaps_ports = [\"636\", \"70000\"]\n", "\"70000\" is no port"},
             Case{"[discovery]\nldaps_ports = [\"ldaps\"]\n", "\"ldaps\" is no port"},
             Case{"[fetch]\nca_file = \"none.pem\"\n[discovery]\nldap_tls = \"require\"\n", "fetch.ca_file"},
             Case{"[reinject]\nretry_min = \"1h\"\nretry_max = \"1m\"\n", "longer than reinject.retry_max"},
             Case{"[limits]\nwork_memory = \"100M\"\n", "below 2.5 times"},
             Case{"[listeners]\nreport = [\"ORIGINATING\"]\n", "stands in listeners.submission"},
             Case{"[newuser]\nhelp_url = \"http://a.example/\"\n", "wants an https address"},
         })
        CHECK_SAYS(refused(c.toml + one_domain), c.says);
}

BOOST_AUTO_TEST_CASE(unknown_names_are_refused_with_place_and_nearest)
{
    auto said = refused("[milter]\n  mesage_max = \"64M\"\n[polcy]\nx = 1\n" + one_domain);
    CHECK_SAYS(said,
               "/etc/direct/direct.toml:2:3: unknown name \"milter.mesage_max\"; nearest is \"message_max\"");
    CHECK_SAYS(said, "/etc/direct/direct.toml:3:2: unknown table \"polcy\"; nearest is \"policy\"");
    CHECK_SAYS(refused("zzzzzzzzzzzz = 1\n" + one_domain),
               "1:1: unknown name \"zzzzzzzzzzzz\"; known: domain, bundle");
}

BOOST_AUTO_TEST_CASE(a_name_cannot_forge_a_line_of_the_message)
{
    auto said = refused("\"a\\n/etc/direct/direct.toml:1:1: fine\" = 1\n" + one_domain);
    CHECK_SAYS(said, "a\\x0a/etc");
    BOOST_TEST(said.find('\n') == said.npos);
}

BOOST_AUTO_TEST_CASE(all_faults_are_told_in_the_order_of_the_file)
{
    auto said =
        refused("[policy]\nbudget = \"0\"\nuntrustd = 1\n[milter]\nmessage_max = \"1\"\n" + one_domain);
    auto a = said.find(":2:10:"), b = said.find(":3:1:"), c = said.find(":5:15:");
    BOOST_REQUIRE_MESSAGE(a != said.npos && b != said.npos && c != said.npos, said);
    BOOST_TEST((a < b && b < c));
}

BOOST_AUTO_TEST_CASE(text_that_is_no_toml_names_its_place)
{
    CHECK_SAYS(refused("[milter\n"), "/etc/direct/direct.toml:1:");
    CHECK_SAYS(refused("[milter]\nsocket = \"a\"\nsocket = \"b\"\n"), ":3:");
    CHECK_SAYS(refused("a = \"\xff\"\n"), "/etc/direct/direct.toml:1:");
    CHECK_SAYS(refused(one_domain + "[[ !\n[milter]\n"), "/etc/direct/direct.toml:3:1: no TOML, for example");
    CHECK_SAYS(refused("[="), "/etc/direct/direct.toml:1:1: no TOML, for example");
    CHECK_SAYS(refused("[milter]\nmes\xca\xa3x = 1\n"), "/etc/direct/direct.toml:2:");
    CHECK_SAYS(refused(""), "no [[domain]]");
    auto missing = load_settings("/nonexistent/direct.toml");
    BOOST_REQUIRE(!missing);
    BOOST_TEST((missing.error().reason == Reason::configuration));
    CHECK_SAYS(missing.error().why, "/nonexistent/direct.toml");
}

BOOST_AUTO_TEST_CASE(values_are_shown_as_they_are_written)
{
    BOOST_TEST(value_text(setting::Bytes{64} << 20) == "64M");
    BOOST_TEST(value_text(setting::Bytes{1000}) == "1000B");
    BOOST_TEST(value_text(setting::Bytes{16} << 40) == "16T");
    BOOST_TEST(value_text(milliseconds(500)) == "500ms");
    BOOST_TEST(value_text(milliseconds(90'000)) == "90s");
    BOOST_TEST(value_text(milliseconds(86'400'000)) == "1d");
    BOOST_TEST(value_text(milliseconds(0)) == "0");
    auto s = taken("[milter]\nmessage_max = \"32M\"\n" + one_domain);
    bool seen = false;
    for (const auto& row : describe(*s)) {
        if (row.name != "milter.message_max") continue;
        seen = true;
        BOOST_TEST(row.changed);
        BOOST_TEST(row.value == "32M");
        BOOST_TEST(row.default_value == "64M");
        BOOST_TEST(row.origin == "/etc/direct/direct.toml:2");
    }
    BOOST_TEST(seen);
}

BOOST_AUTO_TEST_CASE(a_reload_knows_what_needs_a_restart)
{
    auto before = taken(one_domain);
    auto after =
        taken("[milter]\nmessage_max = \"32M\"\nsocket = \"inet:127.0.0.1:9999\"\n[store]\npath = \"s\"\n" +
              one_domain);
    auto names = needs_restart(*before, *after);
    BOOST_REQUIRE(names.size() == 2u);
    BOOST_TEST(names[0] == "milter.socket");
    BOOST_TEST(names[1] == "store.path");
    BOOST_TEST(needs_restart(*before, *before).empty());
}
