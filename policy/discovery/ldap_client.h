// ldap_client.h - one conversation with an LDAP server that a stranger's domain has named.
//
// The socket is opened here, to an address that passed AddressGuard, and libldap is handed the open one: it
// resolves nothing, connects to nothing and follows no referral. Every byte goes through our own reading and
// writing, which knows the deadline and the most bytes a server may send: a server that answers slowly, or
// without end, costs its time and no more. Anonymous; options are set for this conversation only. A session is
// for one thread; many sessions may live at once.
// Source: requirements G7, G13; decision 11; RFC 4511, RFC 4513, RFC 4515.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"
#include "policy/discovery/address_guard.h"
#include "policy/discovery/resolver.h"

namespace direct {

struct LdapOptions {
    enum class Tls : unsigned char {
        off,
        attempt,  ///< StartTLS first; the server's name is not proved, in clear where it is not to be had
        require,  ///< a server that does not prove its name under ca_file is not asked
    };
    Tls tls = Tls::attempt;
    std::vector<unsigned> ldaps_ports{636};   ///< TLS from the first byte
    std::string ca_file;                      ///< PEM, for require
    milliseconds connect_timeout{3000};       ///< for each address
    milliseconds timeout{6000};               ///< for one server, everything included
    std::size_t entries_max = 100;            ///< of one search
    std::size_t bytes_max = 1024 * 1024;      ///< everything a server sends, TLS included
    std::vector<std::string> allow_networks;  ///< see AddressGuard
};

/// A text as the value in a filter: "*", "(", ")", "\", NUL and whatever is not printable ASCII as \xx (RFC 4515
/// section 3).
std::string filter_value(std::string_view text);

/// May that port be spoken to? 389, 636, 1024 and up: nobody makes us talk to a mail server of somebody else.
bool is_ldap_port(unsigned port);

class LdapSession {
public:
    /// Connects to the first of `addresses` that answers, starts TLS as the options say and binds anonymously.
    /// @param host       name of the server, which TLS holds it against
    /// @param addresses  "192.0.2.1", "2001:db8::1"; those the guard refuses are left out
    /// @return Fault: temporary, beginning with "host:port"; every later one of this session too. Reason configuration:
    ///         it is this host that could not ask (no descriptors, no route, fetch.ca_file), not the server.
    static Result<LdapSession> open(const std::string& host, unsigned port,
                                    const std::vector<std::string>& addresses, const LdapOptions& options,
                                    const AddressGuard& guard, const Budget& budget);
    LdapSession(LdapSession&&) noexcept;
    LdapSession& operator=(LdapSession&&) noexcept;
    ~LdapSession();

    /// namingContexts of the root DSE, at most 16; {""} when it names none.
    const std::vector<std::string>& bases() const;
    bool encrypted() const;
    const std::string& address() const;  ///< the one connected to

    /// Values of userCertificate (with or without ";binary") of every entry below `base` whose mail is `mail`.
    /// Nothing there: none, also when the server refers us to another one, or lets nobody read below that base. Fault: the server did not say.
    Result<std::vector<std::string>> certificates(const std::string& base, std::string_view mail);

private:
    struct State;
    explicit LdapSession(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace direct
