// What the DNS client makes of answers, and what it does not: wait longer than it may, ask twice, mistake one
// kind of "no" for another.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <thread>

#include "policy/discovery/dns_client.h"
#include "tests/support/dns_server.h"
#include "tests/support/scratch.h"

using namespace direct;
using namespace direct::test;
using Kind = DnsAnswer::Kind;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

namespace {

constexpr int cert = 37;

DnsOptions asking(const std::vector<std::string>& servers)
{
    DnsOptions options;
    options.servers = servers;
    options.dnssec = Dnssec::off;
    options.timeout = milliseconds(20000);
    return options;
}

SteadyTime in(milliseconds time)
{
    return Steady::now() + time;
}

const milliseconds plenty{20000};

}  // namespace

BOOST_AUTO_TEST_CASE(found_with_all_records_and_remembered_by_ttl)
{
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one", std::string("t\0o", 3)}, .ttl = 600});
    DnsClient client(asking({server.server()}));
    for (int i = 0; i < 3; ++i) {
        auto answer = client.query("a.d.example", DnsType::cert, in(plenty));
        BOOST_REQUIRE_MESSAGE(answer.kind == Kind::found, answer.why);
        std::sort(answer.records.begin(), answer.records.end());
        BOOST_TEST(answer.records == (std::vector<std::string>{"one", std::string("t\0o", 3)}),
                   boost::test_tools::per_element());
        BOOST_TEST(answer.ttl.count() <= 600);
        BOOST_TEST(answer.ttl.count() >= 590);
        BOOST_TEST(!answer.secure);
    }
    BOOST_TEST(server.asked("a.d.example", cert) == 1u);
}

BOOST_AUTO_TEST_CASE(a_record_without_ttl_is_asked_for_each_time)
{
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one"}, .ttl = 0});
    DnsClient client(asking({server.server()}));
    for (int i = 0; i < 2; ++i)
        BOOST_TEST((client.query("a.d.example", DnsType::cert, in(plenty)).kind == Kind::found));
    BOOST_TEST(server.asked("a.d.example", cert) == 2u);
}

BOOST_AUTO_TEST_CASE(no_such_name_and_no_such_record_are_final)
{
    DnsServer server;
    server.on("here.d.example", cert, {});
    DnsClient client(asking({server.server()}));
    auto nothing = client.query("gone.d.example", DnsType::cert, in(plenty));
    BOOST_TEST((nothing.kind == Kind::none));
    BOOST_TEST(nothing.no_such_name);
    auto no_data = client.query("here.d.example", DnsType::cert, in(plenty));
    BOOST_TEST((no_data.kind == Kind::none));
    BOOST_TEST(!no_data.no_such_name);
    // The SOA offers an hour; that nothing is there is kept, but for five minutes at most.
    auto again = client.query("here.d.example", DnsType::cert, in(plenty));
    BOOST_TEST(again.ttl.count() <= 300);
    BOOST_TEST(server.asked("here.d.example", cert) == 1u);
}

BOOST_AUTO_TEST_CASE(servfail_and_refused_are_temporary)
{
    DnsServer server;
    server.on("broken.d.example", cert, {.rcode = 2});
    server.on("lame.d.example", cert, {.rcode = 5});
    DnsClient client(asking({server.server()}));
    for (const char* name : {"broken.d.example", "lame.d.example"}) {
        auto answer = client.query(name, DnsType::cert, in(plenty));
        BOOST_TEST((answer.kind == Kind::temporary), name);
        BOOST_TEST(answer.why.find("SERVFAIL") != std::string::npos, answer.why);
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_costs_no_more_than_the_deadline)
{
    DnsServer server;
    server.on("dead.d.example", cert, {.silent = true});
    DnsClient client(asking({server.server()}));
    auto began = Steady::now();
    auto answer = client.query("dead.d.example", DnsType::cert, in(milliseconds(300)));
    BOOST_TEST((answer.kind == Kind::temporary));
    BOOST_TEST(answer.why == "no answer in time");
    BOOST_TEST((Steady::now() - began < std::chrono::seconds(10)));

    DnsOptions hasty = asking({server.server()});
    hasty.timeout = milliseconds(300);
    DnsClient other(hasty);
    BOOST_TEST(
        (other.query("dead.d.example", DnsType::cert, in(std::chrono::hours(1))).kind == Kind::temporary));
}

BOOST_AUTO_TEST_CASE(a_truncated_answer_is_asked_for_again_over_tcp)
{
    DnsServer server;
    const std::string big(8000, 'x');
    server.on("big.d.example", cert, {.records = {big}, .truncate = true});
    DnsClient client(asking({server.server()}));
    auto answer = client.query("big.d.example", DnsType::cert, in(plenty));
    BOOST_REQUIRE_MESSAGE(answer.kind == Kind::found, answer.why);
    BOOST_TEST((answer.records.at(0) == big));
    auto questions = server.questions();
    BOOST_REQUIRE(questions.size() == 2u);
    BOOST_TEST(!questions[0].tcp);
    BOOST_TEST(questions[1].tcp);
    BOOST_TEST(questions[0].udp_size >= 1200u);  // EDNS0: most answers need no second question
}

BOOST_AUTO_TEST_CASE(an_alias_is_followed)
{
    DnsServer server;
    server.on("old.d.example", cert, {.records = {"one"}, .alias = "new.d.example"});
    server.on("new.d.example", cert, {.records = {"one"}});
    DnsClient client(asking({server.server()}));
    auto answer = client.query("old.d.example", DnsType::cert, in(plenty));
    BOOST_REQUIRE_MESSAGE(answer.kind == Kind::found, answer.why);
    BOOST_TEST(answer.records.at(0) == "one");
}

BOOST_AUTO_TEST_CASE(odd_labels_arrive_as_they_are)
{
    DnsServer server;
    const std::string name = dns_label("o\"b @x") + ".d.example";
    BOOST_TEST(name == "o\\034b\\032\\064x.d.example");
    server.on(name, cert, {.records = {"one"}});
    DnsClient client(asking({server.server()}));
    BOOST_TEST((client.query(name, DnsType::cert, in(plenty)).kind == Kind::found));
}

BOOST_AUTO_TEST_CASE(a_name_no_domain_can_have_is_final_and_not_asked)
{
    DnsServer server;
    DnsClient client(asking({server.server()}));
    for (const std::string& name :
         {std::string(64, 'x') + ".d.example", std::string("a..d.example"), std::string(300, 'x')})
        BOOST_TEST((client.query(name, DnsType::cert, in(plenty)).kind == Kind::none), name);
    BOOST_TEST(server.questions().empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_is_passed_over)
{
    DnsServer good, refusing;
    good.on("a.d.example", cert, {.records = {"one"}, .ttl = 0});
    refusing.on("a.d.example", cert, {.rcode = 5});
    DnsClient client(asking({refusing.server(), good.server()}));
    for (int i = 0; i < 4; ++i)
        BOOST_TEST((client.query("a.d.example", DnsType::cert, in(plenty)).kind == Kind::found));
}

BOOST_AUTO_TEST_CASE(names_of_the_house_are_asked_too)
{
    DnsServer server;
    server.on("a.direct.test", cert, {.records = {"one"}});
    DnsClient client(asking({server.server()}));
    BOOST_TEST((client.query("a.direct.test", DnsType::cert, in(plenty)).kind == Kind::found));
}

BOOST_AUTO_TEST_CASE(many_ask_at_once_and_one_slow_answer_holds_nobody_up)
{
    DnsServer server;
    server.on("dead.d.example", cert, {.silent = true});
    for (int i = 0; i < 50; ++i)
        server.on("u" + std::to_string(i) + ".d.example", cert, {.records = {std::to_string(i)}});
    DnsClient client(asking({server.server()}));
    std::atomic<int> good{0};
    std::atomic<bool> slow_came{false};
    std::thread slow([&] {
        client.query("dead.d.example", DnsType::cert, in(milliseconds(3000)));
        slow_came = true;
    });
    std::vector<std::thread> askers;
    for (int t = 0; t < 8; ++t)
        askers.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                auto n = std::to_string(i);
                auto answer = client.query("u" + n + ".d.example", DnsType::cert, in(plenty));
                if (answer.kind == Kind::found && answer.records.at(0) == n) ++good;
            }
        });
    for (auto& asker : askers) asker.join();
    BOOST_TEST(good == 400);
    slow.join();
    BOOST_TEST(slow_came);
}

BOOST_AUTO_TEST_CASE(a_client_that_never_asked_or_gave_up_ends_at_once)
{
    DnsServer server;
    server.on("dead.d.example", cert, {.silent = true});
    for (int i = 0; i < 5; ++i) {
        DnsClient idle(asking({server.server()}));
        DnsClient client(asking({server.server()}));
        client.query("dead.d.example", DnsType::cert, in(milliseconds(20)));
    }
}

BOOST_AUTO_TEST_CASE(dnssec_require_takes_nothing_unsigned)
{
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one"}});
    Scratch scratch;
    DnsOptions options = asking({server.server()});
    options.dnssec = Dnssec::require;
    options.trust_anchor = scratch.path() + "/absent.key";
    DnsClient without(options);
    auto answer = without.query("a.d.example", DnsType::cert, in(plenty));
    BOOST_TEST((answer.kind == Kind::temporary));
    BOOST_TEST(answer.why.find("dns_trust_anchor") != std::string::npos, answer.why);

    // Signed from somewhere else down: this name is not under it.
    options.trust_anchor = scratch.path() + "/anchor.key";
    std::ofstream(options.trust_anchor)
        << "other.example. DS 12345 13 2 "
           "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n";
    for (auto dnssec : {Dnssec::require, Dnssec::prefer}) {
        options.dnssec = dnssec;
        DnsClient with(options);
        auto judged = with.query("a.d.example", DnsType::cert, in(plenty));
        BOOST_TEST((judged.kind == (dnssec == Dnssec::require ? Kind::temporary : Kind::found)), judged.why);
        if (dnssec == Dnssec::require)
            BOOST_TEST(judged.why.find("not signed") != std::string::npos, judged.why);
    }
}

BOOST_AUTO_TEST_CASE(servers_come_from_resolv_conf_when_none_are_named)
{
    Scratch scratch;
    DnsOptions options = asking({});
    options.resolv_conf = scratch.path() + "/absent";
    DnsClient client(options);
    auto answer = client.query("a.d.example", DnsType::cert, in(milliseconds(200)));
    BOOST_TEST((answer.kind == Kind::temporary));
    BOOST_TEST(answer.why.find("absent") != std::string::npos, answer.why);
}

BOOST_AUTO_TEST_CASE(srv_records_are_read)
{
    auto good = parse_srv(std::string("\0\1\0\2\1\x85", 6) + wire_name("LDAP.d.example"));
    BOOST_REQUIRE(good);
    BOOST_TEST((*good == SrvRecord{1, 2, 389, "ldap.d.example"}));
    auto none = parse_srv(std::string("\0\0\0\0\0\0\0", 7));
    BOOST_REQUIRE(none);
    BOOST_TEST(none->target.empty());
    const std::string whole = std::string("\0\1\0\2\1\x85", 6) + wire_name("ldap.d.example");
    for (std::size_t n = 0; n < whole.size(); ++n)
        BOOST_TEST(!parse_srv(std::string_view(whole).substr(0, n)), n);
    BOOST_TEST(!parse_srv(whole + "x"));
    BOOST_TEST(!parse_srv(whole.substr(0, 6) + "\xc0\x0c"));  // compressed: not in an answer that was read
    std::string endless = whole.substr(0, 6);
    for (int i = 0; i < 130; ++i) endless += "\1a";
    BOOST_TEST(!parse_srv(endless + '\0'));
}

BOOST_AUTO_TEST_CASE(srv_records_have_one_order)
{
    std::vector<SrvRecord> records = {
        {1, 50, 389, "c"}, {0, 0, 389, "b"}, {0, 100, 389, "z"}, {0, 0, 389, "a"}, {1, 65535, 389, "y"}};
    sort_srv(records);
    std::string order;
    for (const auto& r : records) order += r.target;
    BOOST_TEST(order == "zabyc");
}
