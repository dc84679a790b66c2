// address_guard.h - which addresses of the network we may be led to by a name or a link of somebody else.
//
// A certificate or a DNS answer names a server; whoever made it chooses what it resolves to. So the
// address a socket is really opened to is looked at, after resolving: only addresses of the public
// Internet, and those the site has listed. Immutable, thread safe, no I/O.
// Source: decision 11; IANA special-purpose address registries (RFC 6890); requirement D5.
#pragma once
#include <sys/socket.h>

#include <string>
#include <vector>

#include "milter/base/result.h"

namespace direct {

class AddressGuard {
public:
    /// @param allow_networks  "10.1.0.0/16", "2001:db8::/32" or single addresses, as fetch.allow_networks has
    ///                        been checked; what cannot be read allows nothing
    explicit AddressGuard(const std::vector<std::string>& allow_networks = {});

    /// May a connection go there? Neither IPv4 nor IPv6: no.
    bool allows(const sockaddr* address) const;

    /// "127.0.0.1" or "::1", for a message; "" for another family.
    static std::string text_of(const sockaddr* address);

private:
    struct Network {
        int family;
        unsigned char bytes[16];
        unsigned bits;
    };
    static bool read(const std::string& text, Network& out);
    static bool within(const Network& network, int family, const unsigned char* bytes);
    static bool is_public(int family, const unsigned char* bytes);
    std::vector<Network> allowed_;
};

}  // namespace direct
