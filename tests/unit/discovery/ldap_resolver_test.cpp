// The steps "ldap address" and "ldap domain": which servers are asked in which order, and what it comes to.
#include "policy/discovery/ldap_resolver.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "milter/base/text.h"
#include "tests/support/ldap_server.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;
using Answer = Discovery::Answer;
using Kind = DnsAnswer::Kind;
using Texts = std::vector<std::string>;

namespace {

Address addr(const std::string& text)
{
    auto a = parse_address(text, true);
    BOOST_REQUIRE_MESSAGE(a, text);
    return *a;
}

const Budget plenty{std::chrono::steady_clock::now() + std::chrono::hours(1)};

Certificate certificate_of(const std::string& name)
{
    return issue({.name = name, .san = {"email:jo@d.example"}, .from_days = -9, .to_days = -1}, ec_key())
        .certificate;
}

const Certificate& jo()
{
    static const Certificate made = certificate_of("jo");
    return made;
}

const Certificate& whole_domain()
{
    static const Certificate made = certificate_of("domain");
    return made;
}

std::string der(const Certificate& c)
{
    return std::string(c.der());
}

std::string srv_rdata(unsigned priority, unsigned weight, unsigned port, const std::string& host)
{
    std::string out;
    for (unsigned n : {priority, weight, port}) out += {char(n >> 8), char(n)};
    for (auto label : split(host, '.'))
        if (!label.empty()) out += char(label.size()) + std::string(label);
    return out + '\0';
}

/// The DNS as told; everything else is not there.
struct ToldDns : DnsLookup {
    DnsAnswer query(const std::string& name, DnsType type, SteadyTime) override
    {
        auto it = answers.find({name, type});
        if (it != answers.end()) return it->second;
        DnsAnswer none;
        none.kind = Kind::none;
        return none;
    }
    void holds(const std::string& name, DnsType type, Texts records)
    {
        DnsAnswer answer;
        answer.kind = Kind::found;
        answer.records = std::move(records);
        answers[{name, type}] = answer;
    }
    void fails(const std::string& name, DnsType type)
    {
        DnsAnswer answer;
        answer.why = "SERVFAIL";
        answers[{name, type}] = answer;
    }
    std::map<std::pair<std::string, DnsType>, DnsAnswer> answers;
};

/// Servers as told: host -> mail -> values; one that is not there is down. What was asked, in order.
struct World {
    World() { rules.cache_life = milliseconds(0); }
    std::shared_ptr<ToldDns> dns = std::make_shared<ToldDns>();
    std::map<std::string, std::map<std::string, Texts>> servers;
    Texts asked, lately_failed;
    Texts records;
    LdapRules rules;
    bool we_fail = false;
    std::unique_ptr<LdapResolver> resolver;

    void names(unsigned priority, unsigned weight, const std::string& host, unsigned port = 389)
    {
        records.push_back(srv_rdata(priority, weight, port, host));
        dns->holds("_ldap._tcp.d.example", DnsType::srv, records);
        if (!host.empty()) dns->holds(host, DnsType::a, {std::string("\x7f\0\0\1", 4)});
    }
    Result<std::optional<LdapHit>> answer(const LdapTarget& server, const Texts& mails)
    {
        asked.push_back(server.host);
        if (server.failed_lately) lately_failed.push_back(server.host);
        auto it = servers.find(server.host);
        if (it == servers.end())
            return fail(we_fail ? misconfigured("no socket")
                                : temporary(server.host + ":" + std::to_string(server.port) + ": is down"));
        for (std::size_t i = 0; i < mails.size(); ++i) {
            asked.back() += " " + mails[i];
            if (auto values = it->second[mails[i]]; !values.empty()) return LdapHit{i, values};
        }
        return std::nullopt;
    }
    Discovery find(const std::string& address = "jo@d.example", const Budget& budget = plenty)
    {
        if (!resolver)
            resolver = std::make_unique<LdapResolver>(
                dns, rules,
                [this](const LdapTarget& s, const Texts& mails, const Budget&) { return answer(s, mails); });
        asked.clear();
        return resolver->find(addr(address), budget);
    }
};

void expect(const Texts& is, const Texts& should)
{
    BOOST_TEST(is == should, boost::test_tools::per_element());
}

}  // namespace

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

BOOST_AUTO_TEST_CASE(a_dns_that_does_not_answer_is_temporary)
{
    World w;
    w.dns->fails("_ldap._tcp.d.example", DnsType::srv);
    Discovery d = w.find();
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why.find("SERVFAIL") != std::string::npos);
    w.names(0, 0, "one.example");
    w.dns->fails("one.example", DnsType::a);
    BOOST_TEST((w.find().answer == Answer::later));
    // IPv6 alone is enough.
    w.dns->holds("one.example", DnsType::aaaa, {std::string(15, '\0') + '\1'});
    w.servers["one.example"];
    BOOST_TEST((w.find().answer == Answer::not_found));
    BOOST_TEST(w.asked.size() == 1u);
    // The one whose address the DNS does not tell may have it, whatever another one says.
    w.names(1, 0, "two.example");
    w.servers["two.example"];
    w.dns->fails("one.example", DnsType::aaaa);
    d = w.find();
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why.find("SERVFAIL") != std::string::npos, d.why);
    w.servers["two.example"]["d.example"] = {der(whole_domain())};
    BOOST_TEST((w.find().answer == Answer::found));
}

BOOST_AUTO_TEST_CASE(time_that_is_over_is_not_an_answer)
{
    World w;
    w.names(0, 0, "one.example");
    w.servers["one.example"]["d.example"] = {der(whole_domain())};
    Discovery d = w.find("jo@d.example", {std::chrono::steady_clock::now()});
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(!d.why.empty());
    BOOST_TEST(w.asked.empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_failed_is_passed_over_for_a_while)
{
    World w;
    w.names(0, 0, "down.example");
    w.names(1, 0, "up.example");
    w.servers["up.example"];
    w.find();
    BOOST_TEST(w.asked.size() == 2u);
    Discovery d = w.find();
    expect(w.asked, {"up.example jo@d.example d.example"});
    BOOST_TEST(join(d.trace, "\n").find("did not answer a moment ago") != std::string::npos);
    w.resolver.reset();
    w.rules.failure_pause = milliseconds(0);
    w.find();
    w.find();
    BOOST_TEST(w.asked.size() == 2u);
}

BOOST_AUTO_TEST_CASE(one_that_failed_gets_little_time_until_it_has_answered)
{
    World w;
    w.names(0, 0, "one.example");
    w.rules.failure_pause = milliseconds(0);
    w.find();
    expect(w.lately_failed, {});
    w.find();
    w.servers["one.example"];
    w.find();
    expect(w.lately_failed, {"one.example", "one.example"});
    w.find();
    BOOST_TEST(w.lately_failed.size() == 2u);
    // Ten that are dead leave time of a message's budget as it is by default, at every try.
    auto defaults = parse_settings("[[domain]]\nname = \"direct.here.example\"\n", "direct.toml");
    BOOST_REQUIRE(defaults);
    BOOST_TEST((10 * ldap_probe_max <= (*defaults)->policy_budget));
    BOOST_TEST((ldap_probe_connect_max <= ldap_probe_max));
    LdapServer silent;
    silent.on(LdapServer::bind, [](const LdapServer::Request&) { return LdapServer::Reply{.hang = true}; });
    LdapOptions patient;
    patient.timeout = std::chrono::hours(1);
    patient.tls = LdapOptions::Tls::off;
    patient.allow_networks = {"127.0.0.0/8"};
    const LdapTarget target{"one.example", silent.port(), {"127.0.0.1"}, true};
    const auto from = std::chrono::steady_clock::now();
    BOOST_TEST(!ldap_ask(patient)(target, {"jo@d.example"}, plenty));
    BOOST_TEST((std::chrono::steady_clock::now() - from < std::chrono::minutes(1)));
}

BOOST_AUTO_TEST_CASE(what_this_host_cannot_ask_is_not_nobody)
{
    World w;
    w.names(0, 0, "one.example");
    w.we_fail = true;
    Discovery d = w.find();
    BOOST_TEST((d.answer == Answer::later));
    BOOST_TEST(d.why == "no socket");
    // Nor is the server passed over for it.
    w.servers["one.example"]["jo@d.example"] = {der(jo())};
    BOOST_TEST((w.find().answer == Answer::found));
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
