// TLS with an LDAP server: first, required, or not at all; and what a server makes of it that has none.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "policy/discovery/ldap_client.h"
#include "tests/unit/discovery/ldap_talk.h"

using namespace direct;
using namespace direct::test;

namespace {

Texts ask(LdapSession& session, const std::string& mail)
{
    auto found = session.certificates("dc=example", mail);
    BOOST_REQUIRE_MESSAGE(found, found.error().why);
    return *found;
}

LdapOptions trying()
{
    LdapOptions o = quick();
    o.tls = LdapOptions::Tls::attempt;
    return o;
}

/// Operations in the order they were asked for.
std::vector<int> operations(const Server& server)
{
    std::vector<int> all;
    for (const auto& request : server.requests()) all.push_back(request.operation);
    return all;
}

/// The server notes what it reads when it gets to it: a last unbind may come after the client has gone on.
void expect(const Server& server, const std::vector<int>& should)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (operations(server).size() < should.size() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    BOOST_TEST(operations(server) == should, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(tls_is_tried_before_anything_is_asked_and_missed_by_nobody)
{
    Server server;
    server.entry("jo@d.example", {{"userCertificate", "x"}});
    // Refused, the conversation goes on in clear.
    for (int code : {1, 2, 52, 53, 80}) {
        server.on(Server::extended, [code](const Server::Request&) {
            return Server::Reply{.operations = {Server::result(Server::extended, code)}};
        });
        auto session = open(server, trying());
        BOOST_REQUIRE_MESSAGE(session, session.error().why);
        BOOST_TEST(!session->encrypted());
        BOOST_TEST(ask(*session, "jo@d.example").size() == 1u);
    }
    BOOST_TEST(server.connections() == 5u);
    auto order = operations(server);
    order.resize(4);
    const std::vector<int> should = {Server::extended, Server::bind, Server::search, Server::search};
    BOOST_TEST(order == should, boost::test_tools::per_element());
    // Broken off, another conversation begins in clear.
    for (const char* raw : {"no TLS", ""}) {
        server.on(Server::extended, [raw](const Server::Request&) {
            Server::Reply reply{.raw = raw, .close = true};
            if (*raw) reply.operations = {Server::result(Server::extended, 0)};
            return reply;
        });
        const auto before = server.connections();
        auto session = open(server, trying());
        BOOST_REQUIRE_MESSAGE(session, session.error().why);
        BOOST_TEST(!session->encrypted());
        BOOST_TEST(ask(*session, "jo@d.example").size() == 1u);
        BOOST_TEST(server.connections() == before + 2);
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_to_starttls_has_half_of_its_time_left)
{
    Server server;
    server.entry("jo@d.example", {{"userCertificate", "x"}});
    server.on(Server::extended, [](const Server::Request&) { return Server::Reply{.hang = true}; });
    LdapOptions patient = trying();
    patient.timeout = milliseconds(2000);
    auto session = open(server, patient);
    BOOST_REQUIRE_MESSAGE(session, session.error().why);
    BOOST_TEST(ask(*session, "jo@d.example").size() == 1u);
}

BOOST_AUTO_TEST_CASE(where_tls_is_required_nothing_is_asked_in_clear)
{
    LdapOptions strict = quick();
    strict.tls = LdapOptions::Tls::require;
    Server server;
    fault_of(open(server, strict));
    expect(server, {Server::extended, Server::unbind});
    Server off;
    BOOST_TEST(open(off, quick()).has_value());
    auto order = operations(off);
    BOOST_TEST((std::find(order.begin(), order.end(), int(Server::extended)) == order.end()));
}
