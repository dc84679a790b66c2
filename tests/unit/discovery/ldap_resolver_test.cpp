// The steps "ldap address" and "ldap domain": which servers are asked in which order, and what it comes to.
#include "tests/support/ldap_server.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/unit/discovery/ldap_world.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(lowest_priority_then_highest_weight_every_record_in_turn)
{
    World w;
    for (auto [priority, weight, host] : {std::tuple(10, 0, "p10.example"),
                                          {0, 0, "w0.example"},
                                          {0, 100, "w100.example"},
                                          {0, 50, "b50.example"},
                                          {0, 50, "a50.example"}}) {
        w.names(unsigned(priority), unsigned(weight), host);
        w.servers[host];
    }
    BOOST_TEST((w.find().answer == Answer::not_found));
    const std::string both = " jo@d.example d.example";
    expect(w.asked, {"w100.example" + both, "a50.example" + both, "b50.example" + both, "w0.example" + both,
                     "p10.example" + both});
    // The third has it: those behind are not asked, those before that are down are passed over.
    w.servers["b50.example"]["jo@d.example"] = {der(jo())};
    w.servers.erase("w100.example");
    Discovery d = w.find();
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "ldap address");
    BOOST_TEST((d.certificates == std::vector<Certificate>{jo()}));
    expect(w.asked, {"w100.example", "a50.example" + both, "b50.example jo@d.example"});
}

BOOST_AUTO_TEST_CASE(the_address_before_the_domain_wherever_it_lies)
{
    World w;
    w.names(0, 0, "one.example");
    w.names(1, 0, "two.example");
    w.servers["one.example"]["d.example"] = {der(whole_domain())};
    w.servers["two.example"]["jo@d.example"] = {der(jo()), der(whole_domain())};
    Discovery d = w.find();
    BOOST_TEST(d.step == "ldap address");
    BOOST_TEST(d.certificates.size() == 2u);
    expect(w.asked, {"one.example jo@d.example d.example", "two.example jo@d.example"});
    // The address's certificate has expired and ends the search all the same (G4); ann has none.
    d = w.find("ann@d.example");
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.step == "ldap domain");
    BOOST_TEST((d.certificates == std::vector<Certificate>{whole_domain()}));
    expect(w.asked, {"one.example ann@d.example d.example", "two.example ann@d.example"});
    // A value nobody can read has been published as well.
    w.servers["one.example"]["jo@d.example"] = {"nonsense"};
    d = w.find();
    BOOST_TEST((d.answer == Answer::found));
    BOOST_TEST(d.certificates.empty());
    BOOST_TEST(join(d.trace, "\n").find("is no certificate") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tag_is_asked_for_and_then_left_out)
{
    World w;
    w.names(0, 0, "one.example");
    w.servers["one.example"]["jo@d.example"] = {der(jo())};
    BOOST_TEST((w.find("Jo+Tag@D.example").answer == Answer::found));
    expect(w.asked, {"one.example jo+tag@d.example jo@d.example"});
}

BOOST_AUTO_TEST_CASE(steps_that_are_switched_off)
{
    World w;
    w.rules.address = false;
    w.names(0, 0, "one.example");
    w.names(1, 0, "two.example");
    w.servers["one.example"] = {{"jo@d.example", {der(jo())}}, {"d.example", {der(whole_domain())}}};
    BOOST_TEST(w.find().step == "ldap domain");
    expect(w.asked, {"one.example d.example"});
    w.resolver.reset();
    w.rules.address = true;
    w.rules.domain = false;
    BOOST_TEST((w.find("ann@d.example").answer == Answer::not_found));
    expect(w.asked, {"one.example ann@d.example", "two.example"});
}

BOOST_AUTO_TEST_CASE(no_service_is_final)
{
    World w;
    BOOST_TEST((w.find().answer == Answer::not_found));
    w.names(0, 0, "");  // "." as target: decidedly not offered
    BOOST_TEST((w.find().answer == Answer::not_found));
    w.dns->holds("_ldap._tcp.d.example", DnsType::srv, {"broken"});
    BOOST_TEST((w.find().answer == Answer::not_found));
    BOOST_TEST(w.asked.empty());
}

BOOST_AUTO_TEST_CASE(nobody_reachable_fails_the_recipient_unless_the_site_waits)
{
    World w;
    w.names(0, 0, "one.example");
    w.names(1, 0, "noaddress.example");
    w.dns->answers.erase({"noaddress.example", DnsType::a});
    Discovery d = w.find();
    BOOST_TEST((d.answer == Answer::not_found));
    BOOST_TEST(join(d.trace, "\n").find("one.example:389: is down") != std::string::npos);
    BOOST_TEST(join(d.trace, "\n").find("noaddress.example:389: has no address") != std::string::npos);
    w.resolver.reset();
    w.rules.later_when_unreachable = true;
    d = w.find();
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why.find("is down") != std::string::npos);
    // One that is there for the case that the best is down may not know everything.
    w.names(2, 0, "spare.example");
    w.servers["spare.example"];
    w.resolver.reset();
    BOOST_TEST((w.find().answer == Answer::later));
    // One of the best that answers is enough: nothing is there.
    w.names(0, 0, "up.example");
    w.servers["up.example"];
    w.resolver.reset();
    BOOST_TEST((w.find().answer == Answer::not_found));
}

BOOST_AUTO_TEST_CASE(over_a_real_connection)
{
    LdapServer server;
    server.root({{"namingContexts", "dc=example"}, {"namingContexts", "o=other"}});
    server.entry("d.example", {{"userCertificate;binary", der(whole_domain())}});
    World w;
    w.names(0, 0, "one.example", server.port());
    w.rules.server.allow_networks = {"127.0.0.0/8"};
    LdapResolver real(w.dns, w.rules);
    Discovery d = real.find(addr("jo@d.example"), plenty);
    BOOST_TEST((d.answer == Answer::found), d.why + join(d.trace, "\n"));
    BOOST_TEST(d.step == "ldap domain");
    BOOST_TEST(d.certificates.size() == 1u);
    // One of the bases does not answer, nor does the other hold anything: nobody has said there is nothing.
    server.on(LdapServer::search, [](const LdapServer::Request& request) {
        if (request.holds("namingContexts"))
            return LdapServer::Reply{
                .operations = {LdapServer::found("", {{"namingContexts", "a"}, {"namingContexts", "b"}}),
                               LdapServer::result(LdapServer::search, 0)}};
        const bool first = request.content.starts_with(ber(0x04, "a"));
        return LdapServer::Reply{.operations = {LdapServer::result(LdapServer::search, first ? 51 : 0)}};
    });
    w.rules.later_when_unreachable = true;
    d = LdapResolver(w.dns, w.rules).find(addr("jo@d.example"), plenty);
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why.find("(51)") != std::string::npos, d.why);
    // What the other base holds for the domain is found all the same.
    server.on(LdapServer::search, [](const LdapServer::Request& request) {
        if (request.holds("namingContexts"))
            return LdapServer::Reply{
                .operations = {LdapServer::found("", {{"namingContexts", "a"}, {"namingContexts", "b"}}),
                               LdapServer::result(LdapServer::search, 0)}};
        if (request.content.starts_with(ber(0x04, "a")))
            return LdapServer::Reply{.operations = {LdapServer::result(LdapServer::search, 51)}};
        LdapServer::Reply reply;
        if (request.holds(ber(0x04, "mail") + ber(0x04, "d.example")))
            reply.operations = {LdapServer::found("cn=d", {{"userCertificate", der(whole_domain())}})};
        reply.operations.push_back(LdapServer::result(LdapServer::search, 0));
        return reply;
    });
    d = LdapResolver(w.dns, w.rules).find(addr("jo@d.example"), plenty);
    BOOST_TEST((d.answer == Answer::found), d.why);
    BOOST_TEST(d.step == "ldap domain");
    w.rules.server.allow_networks = {};
    const auto before = server.connections();
    d = LdapResolver(w.dns, w.rules).find(addr("jo@d.example"), plenty);
    BOOST_TEST(d.why.find("no public address") != std::string::npos, d.why);
    BOOST_TEST(server.connections() == before);
}

BOOST_AUTO_TEST_CASE(rules_as_the_settings_have_them)
{
    Scratch dir;
    write_file(dir / "ca.pem", pem_of(jo()));
    auto settings = parse_settings(
        "[[domain]]\nname = \"direct.here.example\"\n[fetch]\nca_file = \"" + (dir / "ca.pem") +
            "\"\nallow_networks = [\"10.0.0.0/8\"]\n[discovery]\nldap_tls = \"require\"\n"
            "ldaps_ports = [\"636\", \"20636\"]\nldap_domain = false\n"
            "ldap_unreachable = \"later\"\nldap_timeout = \"2s\"\n",
        dir / "direct.toml");
    BOOST_REQUIRE_MESSAGE(settings, settings.error().why);
    LdapRules rules = ldap_rules_of(**settings);
    BOOST_TEST((rules.address && !rules.domain && rules.later_when_unreachable));
    BOOST_TEST((rules.server.tls == LdapOptions::Tls::require));
    BOOST_TEST((rules.server.ldaps_ports == std::vector<unsigned>{636, 20636}));
    BOOST_TEST((rules.server.timeout == seconds(2)));
    BOOST_TEST(rules.server.ca_file == (dir / "ca.pem"));
    BOOST_TEST(rules.server.allow_networks.size() == 1u);
}
