#include "policy/discovery/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <boost/test/unit_test.hpp>

using namespace direct;

namespace {

bool allows(const AddressGuard& guard, const std::string& text)
{
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1)
        return guard.allows(reinterpret_cast<sockaddr*>(&four));
    BOOST_REQUIRE_MESSAGE(inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1, text);
    return guard.allows(reinterpret_cast<sockaddr*>(&six));
}

}  // namespace

BOOST_AUTO_TEST_CASE(only_the_public_internet)
{
    const AddressGuard guard;
    for (const char* open :
         {"8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
          "172.32.0.0", "192.167.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255", "192.0.1.1",
          "2600::1", "2001:200::1", "2001:db7::1", "3ffe::1"})
        BOOST_TEST(allows(guard, open), open);
    for (const char* closed : {"0.0.0.0",
                               "0.1.2.3",
                               "10.0.0.1",
                               "100.64.0.1",
                               "100.127.255.255",
                               "127.0.0.1",
                               "127.255.255.254",
                               "169.254.169.254",
                               "172.16.0.1",
                               "172.31.255.255",
                               "192.0.0.8",
                               "192.0.2.1",
                               "192.88.99.1",
                               "192.168.0.1",
                               "198.18.0.1",
                               "198.19.255.255",
                               "198.51.100.9",
                               "203.0.113.9",
                               "224.0.0.1",
                               "239.255.255.255",
                               "240.0.0.1",
                               "255.255.255.255",
                               "::",
                               "::1",
                               "::ffff:8.8.8.8",
                               "::ffff:127.0.0.1",
                               "::8.8.8.8",
                               "64:ff9b::8.8.8.8",
                               "64:ff9b:1::1",
                               "100::1",
                               "2001::1",
                               "2001:1::1",
                               "2001:db8::1",
                               "2002:7f00:1::1",
                               "2002:808:808::1",
                               "3fff:1::1",
                               "5f00::1",
                               "fc00::1",
                               "fd12::1",
                               "fe80::1",
                               "fec0::1",
                               "ff02::1"})
        BOOST_TEST(!allows(guard, closed), closed);
}

BOOST_AUTO_TEST_CASE(listed_networks_are_exceptions_to_the_bit)
{
    const AddressGuard guard(
        {"10.1.2.0/23", "127.0.0.1", "fd00:1::/33", "not one", "10.9.0.0/33", "10.9.0.0/"});
    for (const char* open : {"10.1.2.0", "10.1.3.255", "127.0.0.1", "fd00:1::1", "fd00:1:7fff::1", "8.8.8.8"})
        BOOST_TEST(allows(guard, open), open);
    for (const char* closed :
         {"10.1.1.255", "10.1.4.0", "127.0.0.2", "fd00:1:8000::1", "10.9.0.0", "::ffff:10.1.2.1"})
        BOOST_TEST(!allows(guard, closed), closed);
    BOOST_TEST(allows(AddressGuard({"0.0.0.0/0"}), "10.0.0.1"));
}

BOOST_AUTO_TEST_CASE(another_family_is_refused)
{
    sockaddr other{};
    other.sa_family = AF_UNIX;
    BOOST_TEST(!AddressGuard({"0.0.0.0/0", "::/0"}).allows(&other));
    BOOST_TEST(!AddressGuard().allows(nullptr));
    BOOST_TEST(AddressGuard::text_of(&other) == "");
}
