// Who may send in whose name (K4, decision 6).
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "milter/base/text.h"
#include "milter/sta/outbound.h"

namespace direct {
namespace {

bool from_listed(const std::vector<std::string>& list, const Address& from)
{
    for (const auto& entry : list) {
        if (!entry.empty() && entry.front() == '@') {
            if (auto domain = normal_domain(std::string_view(entry).substr(1));
                domain && *domain == from.domain)
                return true;
        } else if (auto address = parse_address(entry); address && *address == from) {
            return true;
        }
    }
    return false;
}

struct Ip {
    int family = AF_UNSPEC;
    std::array<unsigned char, 16> bytes{};
};

Ip read_ip(const std::string& text)
{
    Ip ip;
    if (inet_pton(AF_INET, text.c_str(), ip.bytes.data()) == 1)
        ip.family = AF_INET;
    else if (inet_pton(AF_INET6, text.c_str(), ip.bytes.data()) == 1)
        ip.family = AF_INET6;
    return ip;
}

bool in_network(const Ip& ip, const std::string& network)
{
    auto slash = network.find('/');
    auto base = read_ip(network.substr(0, slash));
    if (base.family == AF_UNSPEC || base.family != ip.family) return false;
    unsigned bits = base.family == AF_INET ? 32 : 128;
    if (slash != std::string::npos) {
        const char* end = network.data() + network.size();
        unsigned given = 0;
        auto [p, ec] = std::from_chars(network.data() + slash + 1, end, given);
        if (ec != std::errc() || p != end || given > bits) return false;
        bits = given;
    }
    if (std::memcmp(ip.bytes.data(), base.bytes.data(), bits / 8) != 0) return false;
    if (bits % 8 == 0) return true;
    unsigned mask = 0xff00u >> (bits % 8) & 0xff;
    return (ip.bytes[bits / 8] & mask) == (base.bytes[bits / 8] & mask);
}

}  // namespace

bool may_send_as(const Site& site, const std::string& login, const Address& from)
{
    const auto* domain = site.domain_of(from);
    if (!domain || login.empty() || site.is_newuser(from)) return false;
    // A login list replaces the rule that the login equals the address.
    if (domain->login.empty()) {
        auto address = parse_address(login);
        return domain->login_is_address && address && *address == from;
    }
    return std::any_of(domain->login.begin(), domain->login.end(),
                       [&](const auto& row) { return row.user == login && from_listed(row.from, from); });
}

bool client_may_send_as(const Site& site, const std::string& ip, const Address& from)
{
    const auto* domain = site.domain_of(from);
    auto client = read_ip(ip);
    if (!domain || client.family == AF_UNSPEC || site.is_newuser(from)) return false;
    return std::any_of(domain->client.begin(), domain->client.end(), [&](const auto& row) {
        return in_network(client, row.network) && from_listed(row.from, from);
    });
}

}  // namespace direct
