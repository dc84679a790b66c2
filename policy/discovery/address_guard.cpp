// address_guard.cpp - see address_guard.h.
#include "policy/discovery/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace direct {
namespace {

// Not the public Internet, or a piece of it that nobody serves from.
const char* const refused_v4[] = {
    "0.0.0.0/8",        // this host
    "10.0.0.0/8",       // private
    "100.64.0.0/10",    // carriers' own
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local; the metadata services of clouds
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // protocol assignments
    "192.0.2.0/24",     // documentation
    "192.88.99.0/24",   // 6to4 relays
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // measurements
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "224.0.0.0/4",      // multicast
    "240.0.0.0/4",      // reserved, broadcast
};

// Of IPv6 only global unicast is public: loopback, unspecified, IPv4-mapped, NAT64 (64:ff9b::/96),
// unique local, link-local and multicast all lie outside of it.
const char* const global_v6 = "2000::/3";
const char* const refused_v6[] = {
    "2001::/23",      // protocol assignments, Teredo
    "2001:db8::/32",  // documentation
    "2002::/16",      // 6to4: an IPv4 address inside
    "3fff::/20",      // documentation
};

const unsigned char* bytes_of(const sockaddr* address)
{
    if (address->sa_family == AF_INET)
        return reinterpret_cast<const unsigned char*>(
            &reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
    return reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool is_internet(const sockaddr* address)
{
    return address && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

}  // namespace

AddressGuard::AddressGuard(const std::vector<std::string>& allow_networks)
{
    for (const auto& text : allow_networks)
        if (Network network{}; read(text, network)) allowed_.push_back(network);
}

bool AddressGuard::read(const std::string& text, Network& out)
{
    auto slash = text.find('/');
    auto address = text.substr(0, slash);
    unsigned longest = 128;
    out.family = AF_INET6;
    if (inet_pton(AF_INET, address.c_str(), out.bytes) == 1) {
        out.family = AF_INET;
        longest = 32;
    } else if (inet_pton(AF_INET6, address.c_str(), out.bytes) != 1) {
        return false;
    }
    out.bits = longest;
    if (slash == text.npos) return true;
    const char *from = text.data() + slash + 1, *to = text.data() + text.size();
    auto [end, error] = std::from_chars(from, to, out.bits);
    return error == std::errc{} && end == to && out.bits <= longest;
}

bool AddressGuard::within(const Network& network, int family, const unsigned char* bytes)
{
    if (network.family != family) return false;
    unsigned whole = network.bits / 8, rest = network.bits % 8;
    if (std::memcmp(network.bytes, bytes, whole) != 0) return false;
    auto mask = static_cast<unsigned char>(0xff00 >> rest);
    return rest == 0 || ((network.bytes[whole] ^ bytes[whole]) & mask) == 0;
}

bool AddressGuard::is_public(int family, const unsigned char* bytes)
{
    auto in = [&](const char* text) {
        Network network{};
        return read(text, network) && within(network, family, bytes);
    };
    if (family == AF_INET) return std::none_of(std::begin(refused_v4), std::end(refused_v4), in);
    return in(global_v6) && std::none_of(std::begin(refused_v6), std::end(refused_v6), in);
}

bool AddressGuard::allows(const sockaddr* address) const
{
    if (!is_internet(address)) return false;
    const int family = address->sa_family;
    const unsigned char* bytes = bytes_of(address);
    return is_public(family, bytes) || std::any_of(allowed_.begin(), allowed_.end(), [&](const Network& n) {
               return within(n, family, bytes);
           });
}

std::string AddressGuard::text_of(const sockaddr* address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (is_internet(address)) inet_ntop(address->sa_family, bytes_of(address), text, sizeof text);
    return text;
}

}  // namespace direct
