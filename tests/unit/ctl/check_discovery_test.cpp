// What directctl check says of the DNS and of our own directories, and what it says to do.
#include "milter/ctl/check_discovery.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "tests/support/dns_server.h"
#include "tests/support/ldap_server.h"
#include "tests/support/scratch.h"

using namespace direct;
using namespace direct::ctl;
using namespace direct::test;

namespace {

constexpr int ns = 2, srv = 33, a = 1;

struct Place {
    Place() { dns.on("", ns, {.records = {wire_name("ns.example")}}); }
    std::vector<Finding> check(const std::string& discovery, std::vector<std::string> servers = {})
    {
        if (servers.empty()) servers = {dns.server()};
        std::string list;
        for (const auto& server : servers) list += "\"" + server + "\", ";
        auto settings = parse_settings(
            "[[domain]]\nname = \"direct.here.example\"\n[store]\ncertificates = "
            "\"/known\"\n[discovery]\ndns_servers = [" +
                list + "]\ndnssec = \"off\"\n" + discovery,
            scratch / "direct.toml");
        BOOST_REQUIRE_MESSAGE(settings, settings.error().why);
        Findings findings;
        check_discovery(**settings, findings);
        return findings.all();
    }
    Scratch scratch;
    DnsServer dns;
};

bool says(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(name_servers_that_answer_are_no_finding)
{
    Place place;
    BOOST_TEST(place.check("").empty());
    BOOST_TEST(place.dns.asked("", ns) == 1u);
    // Who asks nobody is asked for nothing.
    BOOST_TEST(place
                   .check("dns_address = false\ndns_domain = false\nldap_address = false\nldap_domain = "
                          "false\n",
                          {"127.0.0.1@1"})
                   .empty());
}

BOOST_AUTO_TEST_CASE(none_that_answers_is_a_fault_that_says_what_to_set)
{
    Place place;
    place.dns.on("", ns, {.rcode = 5});  // it serves its own zones alone
    auto findings = place.check("");
    BOOST_REQUIRE(findings.size() == 1u);
    BOOST_TEST((findings[0].severity == Severity::fault));
    BOOST_TEST(says(findings[0].what, place.dns.server()));
    BOOST_TEST(says(findings[0].remedy, "discovery.dns_servers"));
    BOOST_TEST(says(findings[0].remedy, "put partners' certificates into /known"));
    BOOST_TEST(!says(findings[0].remedy, "LDAP alone"));
    findings = place.check("dns_address = false\ndns_domain = false\n");
    BOOST_REQUIRE(findings.size() == 1u);
    BOOST_TEST(says(findings[0].remedy, "LDAP alone needs it too"));
    // Silence costs the time of one question.
    place.dns.on("", ns, {.silent = true});
    findings = place.check("dns_timeout = \"200ms\"\n");
    BOOST_REQUIRE(findings.size() == 1u);
    BOOST_TEST(says(findings[0].what, "no answer in time"), findings[0].what);
}

BOOST_AUTO_TEST_CASE(one_of_several_that_does_not_answer_is_a_warning)
{
    Place place;
    DnsServer lame;
    lame.on("", ns, {.rcode = 5});
    auto findings = place.check("", {lame.server(), place.dns.server()});
    BOOST_REQUIRE(findings.size() == 1u);
    BOOST_TEST((findings[0].severity == Severity::warning));
    BOOST_TEST(says(findings[0].what, lame.server()));
}

BOOST_AUTO_TEST_CASE(signatures_that_do_not_pass_have_a_remedy_of_their_own)
{
    Place place;
    const auto anchor = place.scratch / "root.key";
    std::ofstream(anchor)
        << ". DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n";
    auto settings =
        parse_settings("[[domain]]\nname = \"direct.here.example\"\n[discovery]\ndns_servers = [\"" +
                           place.dns.server() + "\"]\ndns_trust_anchor = \"" + anchor + "\"\n",
                       place.scratch / "direct.toml");
    BOOST_REQUIRE_MESSAGE(settings, settings.error().why);
    Findings findings;
    check_discovery(**settings, findings);
    BOOST_REQUIRE(findings.all().size() == 1u);
    BOOST_TEST(says(findings.all()[0].what, "DNSSEC"), findings.all()[0].what);
    BOOST_TEST(says(findings.all()[0].remedy, "discovery.dnssec = \"off\""));
}

BOOST_AUTO_TEST_CASE(a_missing_trust_anchor_is_noted_for_ldap_alone_too)
{
    Place place;
    auto settings = parse_settings(
        "[[domain]]\nname = \"direct.here.example\"\n[discovery]\ndns_servers = [\"" + place.dns.server() +
            "\"]\ndns_trust_anchor = \"/none.key\"\ndns_address = false\n"
            "dns_domain = false\n",
        place.scratch / "direct.toml");
    BOOST_REQUIRE_MESSAGE(settings, settings.error().why);
    Findings findings;
    check_discovery(**settings, findings);
    BOOST_REQUIRE(findings.all().size() == 1u);
    BOOST_TEST((findings.all()[0].severity == Severity::note));
}

BOOST_AUTO_TEST_CASE(our_own_directories_are_asked)
{
    Place place;
    LdapServer ldap;
    auto at_port = [&](unsigned port) {
        place.dns.on("_ldap._tcp.direct.here.example", srv,
                     {.records = {std::string("\0\0\0\0", 4) + char(port >> 8) + char(port) +
                                  wire_name("ldap.here.example")},
                      .ttl = 0});
    };
    place.dns.on("ldap.here.example", a, {.records = {std::string("\x7f\0\0\1", 4)}});
    at_port(ldap.port());
    BOOST_TEST(place.check("").empty());
    BOOST_TEST(ldap.connections() == 1u);
    unsigned gone = 0;
    {
        LdapServer ended;
        gone = ended.port();
    }
    at_port(gone);
    auto findings = place.check("");
    BOOST_REQUIRE(findings.size() == 1u);
    BOOST_TEST((findings[0].severity == Severity::warning));
    BOOST_TEST(says(findings[0].what, "direct.here.example cannot be asked"));
    BOOST_TEST(says(findings[0].what, "Connection refused"));
    BOOST_TEST(says(findings[0].remedy, "take _ldap._tcp.direct.here.example out"));
}
