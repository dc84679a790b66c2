// The LDAP steps where something does not answer: the DNS, a server, this host; and the time that it may cost.
#include "tests/support/ldap_server.h"
#include "tests/unit/discovery/ldap_world.h"

using namespace direct;
using namespace direct::test;

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

// Its time was little until it had answered, and it could not answer in that time: it never came back.
BOOST_AUTO_TEST_CASE(a_slow_server_that_failed_gets_its_whole_time_now_and_then)
{
    using std::chrono::steady_clock;
    const milliseconds pause(50);
    World w;
    w.names(0, 0, "slow.example");
    w.rules.failure_pause = milliseconds(0);
    w.rules.full_time_pause = pause;
    bool answers = false;
    // Asked with all its time: when that was, and when the search began that asked.
    std::vector<steady_clock::time_point> whole, search;
    steady_clock::time_point begun;
    std::size_t little = 0;
    w.resolver = std::make_unique<LdapResolver>(
        w.dns, w.rules,
        [&](const LdapTarget& server, const Texts&, const Budget&) -> Result<std::optional<LdapHit>> {
            if (server.failed_lately)
                ++little;
            else {
                whole.push_back(steady_clock::now());
                search.push_back(begun);
            }
            if (server.failed_lately || !answers) return fail(temporary("no answer in time"));
            return std::optional(LdapHit{0, {der(jo())}});
        });
    while (whole.size() < 3) {
        begun = steady_clock::now();
        w.find();
    }
    // The resolver looked at the clock between the two, however long this thread stood still there.
    for (std::size_t i = 1; i < whole.size(); ++i) BOOST_TEST((whole[i] - search[i - 1] >= pause));
    BOOST_TEST(little > 0u);
    answers = true;
    while (w.find().answer != Answer::found) continue;
    BOOST_TEST(whole.size() == 4u);
    // It has answered: it has all its time again.
    BOOST_TEST((w.find().answer == Answer::found));
    BOOST_TEST((full_time_pause_of(std::chrono::minutes(1)) == std::chrono::minutes(10)));
    BOOST_TEST((full_time_pause_of(milliseconds(0)) > milliseconds(0)));
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
