// A conversation with one LDAP server that answers well, badly, slowly or without end.
#include "policy/discovery/ldap_client.h"

#include <sys/resource.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/support/vectors.h"
#include "tests/unit/discovery/ldap_talk.h"

using namespace direct;
using namespace direct::test;

namespace {

bool says(const std::string& text, const std::string& what)
{
    return text.find(what) != text.npos;
}

/// How long it took: bounded is told from "for ever", so the bound is generous.
template <class F>
void ends_soon(F&& what)
{
    const auto from = std::chrono::steady_clock::now();
    what();
    BOOST_TEST((std::chrono::steady_clock::now() - from < std::chrono::seconds(10)));
}

Texts ask(LdapSession& session, const std::string& mail)
{
    auto found = session.certificates("dc=example", mail);
    BOOST_REQUIRE_MESSAGE(found, found.error().why);
    return *found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_in_filters_are_escaped)
{
    BOOST_TEST(filter_value("jo.doe+x@d.example") == "jo.doe+x@d.example");
    BOOST_TEST(filter_value("a*)(uid=\\") == "a\\2a\\29\\28uid=\\5c");
    BOOST_TEST(filter_value(std::string_view("\0 \xc3\xa4\x7f", 5)) == "\\00\\20\\c3\\a4\\7f");
    BOOST_TEST(filter_value("") == "");
}

BOOST_AUTO_TEST_CASE(ports_of_other_services_are_not_spoken_to)
{
    for (unsigned port : {389u, 636u, 1024u, 3268u, 65535u}) BOOST_TEST(is_ldap_port(port), port);
    for (unsigned port : {0u, 22u, 25u, 53u, 80u, 443u, 388u, 1023u, 65536u})
        BOOST_TEST(!is_ldap_port(port), port);
    auto refused = LdapSession::open("ldap.d.example", 25, {"127.0.0.1"}, quick(),
                                     AddressGuard({"127.0.0.0/8"}), within());
    BOOST_TEST(says(fault_of(refused), "this port is not asked"));
}

BOOST_AUTO_TEST_CASE(every_value_of_every_form_of_the_attribute)
{
    Server server;
    server.root({{"namingContexts", "dc=example"}, {"namingContexts", "o=other"}});
    server.entry("jo@d.example", {{"userCertificate;binary", "one"},
                                  {"usercertificate", "two"},
                                  {"2.5.4.36;binary", "three"},
                                  {"cn", "jo"},
                                  {"userCertificateX", "no"}});
    auto session = open(server);
    BOOST_REQUIRE_MESSAGE(session, session.error().why);
    BOOST_TEST(session->bases() == (Texts{"dc=example", "o=other"}), boost::test_tools::per_element());
    BOOST_TEST(session->address() == "127.0.0.1");
    BOOST_TEST(!session->encrypted());
    BOOST_TEST(ask(*session, "jo@d.example") == (Texts{"one", "two", "three"}),
               boost::test_tools::per_element());
    BOOST_TEST(ask(*session, "nobody@d.example").empty());
    auto asked = server.requests();
    BOOST_REQUIRE(asked.size() == 4u);
    // Version 3, no name, no password; a whole subtree, aliases never followed.
    BOOST_TEST(asked[0].operation == Server::bind);
    BOOST_TEST((asked[0].content == ber(0x02, "\3") + ber(0x04, "") + ber(0x80, "")));
    BOOST_TEST((asked[2].content.starts_with(ber(0x04, "dc=example") + ber(0x0a, "\2") + ber(0x0a, {'\0'}))));
}

BOOST_AUTO_TEST_CASE(what_stands_in_a_local_part_does_not_change_the_filter)
{
    Server server;
    auto session = open(server);
    BOOST_REQUIRE(session);
    const std::string odd = "a*)(userCertificate=*\\2a b@d.example";
    server.entry(odd, {{"userCertificate", "odd"}});
    BOOST_TEST(ask(*session, odd) == Texts{"odd"}, boost::test_tools::per_element());
    // One assertion of equality (RFC 4511 section 4.5.1) with exactly those octets.
    BOOST_TEST(server.requests().back().holds(ber(0xa3, ber(0x04, "mail") + ber(0x04, odd))));
}

BOOST_AUTO_TEST_CASE(a_server_without_bases_is_asked_at_its_root)
{
    Server server;
    server.root({});
    auto session = open(server);
    BOOST_REQUIRE(session);
    BOOST_TEST(session->bases() == Texts{""}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_addresses_the_guard_lets_pass)
{
    Server server;
    LdapOptions guarded = quick();
    guarded.allow_networks = {};
    BOOST_TEST(says(fault_of(open(server, guarded)), "leads to 127.0.0.1, which is no public address"));
    BOOST_TEST(says(fault_of(open(server, quick(), {})), "has no address"));
    BOOST_TEST(says(fault_of(open(server, quick(), {"not an address"})), "has no address"));
    BOOST_TEST(server.connections() == 0u);
    // The first is left out, the second does not listen, the third does.
    auto session = open(server, quick(), {"10.0.0.1", "127.0.0.2", "127.0.0.1"});
    BOOST_REQUIRE_MESSAGE(session, session.error().why);
    BOOST_TEST(session->address() == "127.0.0.1");
    for (const char* name : {"", "a b", "a/b", "a%b", "a:1"})
        BOOST_TEST(says(fault_of(LdapSession::open(name, server.port(), {"127.0.0.1"}, quick(),
                                                   AddressGuard({"127.0.0.0/8"}), within())),
                        "no host name"),
                   name);
}

BOOST_AUTO_TEST_CASE(a_referral_is_not_followed_and_a_missing_base_is_nothing)
{
    Server server, other;
    auto session = open(server);
    BOOST_REQUIRE(session);
    const std::string url = "ldap://127.0.0.1:" + std::to_string(other.port()) + "/dc=example";
    server.on(Server::search, [&](const Server::Request&) {
        return Server::Reply{
            .operations = {
                ber(0x73, ber(0x04, url)),  // a search result reference, then a referral
                ber(0x65, ber(0x0a, "\x0a") + ber(0x04, "") + ber(0x04, "") + ber(0xa3, ber(0x04, url)))}};
    });
    BOOST_TEST(ask(*session, "jo@d.example").empty());
    // Nor is there anything below a base that strangers may not read.
    for (int code : {1, 32, 34, 48, 50, 53}) {
        server.on(Server::search, [code](const Server::Request&) {
            return Server::Reply{.operations = {Server::result(Server::search, code)}};
        });
        BOOST_TEST(ask(*session, "jo@d.example").empty());
    }
    BOOST_TEST(other.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_say_is_no_answer)
{
    Server server;
    auto session = open(server);
    BOOST_REQUIRE(session);
    for (int code : {2, 3, 51, 52, 80}) {
        server.on(Server::search, [code](const Server::Request&) {
            return Server::Reply{.operations = {Server::result(Server::search, code)}};
        });
        BOOST_TEST(says(fault_of(session->certificates("dc=example", "jo@d.example")),
                        "(" + std::to_string(code) + ")"));
    }
    // More than it may say: what came counts, nothing at all does not.
    server.on(Server::search, [](const Server::Request&) {
        return Server::Reply{.operations = {Server::result(Server::search, 4)}};
    });
    BOOST_TEST(says(fault_of(session->certificates("dc=example", "jo@d.example")), "more entries"));
    server.on(Server::search, [](const Server::Request&) {
        return Server::Reply{.operations = {Server::found("cn=a", {{"userCertificate", "x"}}),
                                            Server::result(Server::search, 4)}};
    });
    BOOST_TEST(ask(*session, "jo@d.example") == Texts{"x"}, boost::test_tools::per_element());
    Server closed;
    closed.on(Server::bind, [](const Server::Request&) {
        return Server::Reply{.operations = {Server::result(Server::bind, 48)}};
    });
    BOOST_TEST(says(fault_of(open(closed)), "anonymous bind"));
}

BOOST_AUTO_TEST_CASE(no_more_entries_than_allowed)
{
    Server server;
    server.on(Server::search, [](const Server::Request& request) {
        Server::Reply reply;
        if (!request.holds("namingContexts"))
            for (int i = 0; i < 20; ++i)
                reply.operations.push_back(Server::found("cn=a", {{"userCertificate", "x"}}));
        reply.operations.push_back(Server::result(Server::search, 0));
        return reply;
    });
    LdapOptions few = quick();
    few.entries_max = 5;
    auto session = open(server, few);
    BOOST_REQUIRE(session);
    BOOST_TEST(ask(*session, "jo@d.example").size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_slow_server_costs_its_time_and_no_more)
{
    const std::string begun = std::string("\x30\x84\0\0\x01\0", 6) + "\x02";
    const Server::Reply slow[] = {
        {.hang = true},
        {.raw = begun, .hang = true},
        {.operations = {Server::found("cn=a", {{"cn", std::string(4000, 'x')}})}, .drip = true}};
    for (const auto& reply : slow) {
        for (int operation : {Server::bind, Server::search}) {
            Server server;
            server.on(operation, [&](const Server::Request&) { return reply; });
            ends_soon([&] { BOOST_TEST(says(fault_of(open(server)), "in time")); });
        }
    }
    // What is left of the message's time counts as well.
    Server server;
    server.on(Server::bind, [](const Server::Request&) { return Server::Reply{.hang = true}; });
    LdapOptions patient = quick();
    patient.timeout = milliseconds(3600000);
    ends_soon([&] { fault_of(open(server, patient, {"127.0.0.1"}, within(milliseconds(100)))); });
    ends_soon([&] { fault_of(open(server, patient, {"127.0.0.1"}, within(milliseconds(-1)))); });
}

BOOST_AUTO_TEST_CASE(a_server_without_end_is_cut_off)
{
    LdapOptions small = quick();
    small.timeout = milliseconds(20000);
    small.bytes_max = 64 * 1024;
    // One message that announces two gigabytes, and any number of small ones.
    Server large, many;
    large.on(Server::search, [](const Server::Request&) {
        return Server::Reply{.raw = std::string("\x30\x84\x7f\xff\xff\xff", 6) + std::string(1000, 'x'),
                             .hang = true};
    });
    ends_soon([&] { fault_of(open(large, small)); });
    many.on(Server::search, [](const Server::Request&) {
        Server::Reply reply;
        reply.operations.assign(2000, Server::found("cn=a", {{"cn", std::string(100, 'x')}}));
        reply.hang = true;
        return reply;
    });
    ends_soon([&] { BOOST_TEST(says(fault_of(open(many, small)), "sends too much")); });
}

BOOST_AUTO_TEST_CASE(nonsense_and_a_lost_connection_are_no_answer_and_nobody_connects_again)
{
    for (const char* raw : {"GET / HTTP/1.0\r\n\r\n", "220 mail\r\n", "\x30\x05\x02\x01\x01\x61\x00"}) {
        Server server;
        server.on(Server::bind,
                  [&](const Server::Request&) { return Server::Reply{.raw = raw, .close = true}; });
        ends_soon([&] { fault_of(open(server)); });
        BOOST_TEST(server.connections() == 1u);
    }
    Server server;
    auto session = open(server);
    BOOST_REQUIRE(session);
    server.on(Server::search, [](const Server::Request&) { return Server::Reply{.close = true}; });
    for (int i = 0; i < 3; ++i)
        ends_soon([&] { fault_of(session->certificates("dc=example", "jo@d.example")); });
    BOOST_TEST(server.connections() == 1u);
    // Nobody there at all.
    unsigned gone = 0;
    {
        Server ended;
        gone = ended.port();
    }
    BOOST_TEST(says(fault_of(LdapSession::open("ldap.d.example", gone, {"127.0.0.1"}, quick(),
                                               AddressGuard({"127.0.0.0/8"}), within())),
                    "Connection refused"));
}

BOOST_AUTO_TEST_CASE(a_fault_of_this_host_is_none_of_the_server)
{
    Server server;
    rlimit before{};
    BOOST_REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    auto session = open(server);
    setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(says(fault_of(session), "no socket"));
    BOOST_TEST((session.error().reason == Reason::configuration));
    LdapOptions strict = quick();
    strict.tls = LdapOptions::Tls::require;
    strict.ca_file = "/nonexistent/ca.pem";
    server.on(Server::extended, [](const Server::Request&) {
        return Server::Reply{.operations = {Server::result(Server::extended, 0)}};
    });
    session = open(server, strict);
    BOOST_TEST(says(fault_of(session), "fetch.ca_file"));
    BOOST_TEST((session.error().reason == Reason::configuration));
    BOOST_TEST((open(server, quick(), {}).error().reason == Reason::temporary));
}

BOOST_AUTO_TEST_CASE(many_sessions_at_once)
{
    Server server;
    server.entry("jo@d.example", {{"userCertificate", "x"}});
    LdapOptions patient = quick();
    patient.timeout = milliseconds(20000);
    std::atomic<int> found{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 10; ++n)
                if (auto session = open(server, patient))
                    if (auto values = session->certificates("dc=example", "jo@d.example"))
                        found += static_cast<int>(values->size());
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(found == 80);
}
