// ldap_talk.h - how the tests of one LDAP conversation begin it: short times, loopback allowed, a server of their own.
#pragma once
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "policy/discovery/ldap_client.h"
#include "tests/support/ldap_server.h"

namespace direct::test {

using Server = LdapServer;
using Texts = std::vector<std::string>;

inline LdapOptions quick()
{
    LdapOptions o;
    o.timeout = o.connect_timeout = milliseconds(400);
    o.tls = LdapOptions::Tls::off;
    o.allow_networks = {"127.0.0.0/8"};
    return o;
}

inline Budget within(milliseconds time = milliseconds(20000))
{
    return {std::chrono::steady_clock::now() + time};
}

inline Result<LdapSession> open(const Server& server, const LdapOptions& options = quick(),
                                const Texts& addresses = {"127.0.0.1"}, const Budget& budget = within())
{
    return LdapSession::open("ldap.d.example", server.port(), addresses, options,
                             AddressGuard(options.allow_networks), budget);
}

template <class T>
std::string fault_of(const Result<T>& result)
{
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().retry == Retry::later));
    return result.error().why;
}

}  // namespace direct::test
