// dns_client.h - one question to the DNS, three answers: found, none (final), temporary.
//
// A validating stub resolver (libunbound): UDP with EDNS0, TCP after a truncated answer, aliases (CNAME) followed,
// DNSSEC checked here and not believed from the server's AD bit. Questions go to the configured servers only.
// Answers are kept in memory as long as their TTL says, that nothing is there for five minutes at most; the cache
// lives as long as the client and is bounded in bytes. What a server says wrongly or not at all (SERVFAIL, REFUSED,
// time-out, bogus signatures) is temporary: mail waits and is not bounced (G10).
// Thread safe; any number of threads ask at once, none waits for another's answer. Nothing is started before the
// first question. What has broken below (libunbound's pipes, a fork of the process) is made anew, with an empty
// cache, and so it is when resolv_conf has changed. Destruction ends what is under way; nobody may be asking then.
// Source: requirements G6, G10, G11; RFC 1035, RFC 2308, RFC 6891, RFC 4035, RFC 2782.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"
#include "milter/base/result.h"

namespace direct {

using SteadyTime = std::chrono::steady_clock::time_point;

enum class DnsType : std::uint16_t { a = 1, ns = 2, aaaa = 28, srv = 33, cert = 37, smimea = 53 };

enum class Dnssec : unsigned char {
    off,      ///< signatures are not looked at
    prefer,   ///< what is signed must be good, what is not signed is taken
    require,  ///< what is not signed from the trust anchor down is as good as no answer
};

struct DnsOptions {
    std::vector<std::string>
        servers;  ///< "192.0.2.53", "127.0.0.1@5353", "2001:db8::53@53"; empty: resolv_conf's
    Dnssec dnssec = Dnssec::prefer;
    /// DS or DNSKEY records in zone file form. When it cannot be read, prefer takes everything unsigned, require
    /// answers temporary.
    std::string trust_anchor;
    std::chrono::milliseconds timeout{5000};  ///< of one question, also when its deadline is later
    std::size_t cache_bytes = 16 * 1024 * 1024;
    std::string resolv_conf = "/etc/resolv.conf";  ///< looked at for every question
    std::chrono::milliseconds renew_pause{10000};  ///< between two tries to start what has broken
};
DnsOptions dns_options_of(const Settings& settings);

struct DnsAnswer {
    enum class Kind : unsigned char { found, none, temporary } kind = Kind::temporary;
    std::vector<std::string> records;  ///< found: rdata of each record as on the wire, names not compressed
    std::chrono::seconds ttl{0};       ///< found: how much longer it is good
    bool no_such_name = false;         ///< none: the name itself is not there (NXDOMAIN)
    bool secure = false;               ///< signed from the trust anchor down
    std::string why;                   ///< temporary: what happened; without the name asked for
};

/// Who answers questions; tests answer without a network.
class DnsLookup {
public:
    virtual ~DnsLookup() = default;
    /// @param name  absolute, in zone file form without the last dot: "\." and "\064" are octets of a label, see
    ///              dns_label(). A name that no domain can have answers none.
    virtual DnsAnswer query(const std::string& name, DnsType type, SteadyTime deadline) = 0;
};

class DnsClient : public DnsLookup {
public:
    explicit DnsClient(DnsOptions options);
    ~DnsClient() override;
    DnsAnswer query(const std::string& name, DnsType type, SteadyTime deadline) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Octets as one label in zone file form: letters, digits, '-' and '_' as they are, everything else "\DDD".
std::string dns_label(std::string_view octets);

struct SrvRecord {
    std::uint16_t priority = 0, weight = 0, port = 0;
    std::string target;  ///< lower case, without the last dot; "" says that the service is not offered
    friend bool operator==(const SrvRecord&, const SrvRecord&) = default;
};
/// RFC 2782. Fault: malformed.
Result<SrvRecord> parse_srv(std::string_view rdata);
/// Who is tried first: lowest priority, then highest weight, then by name: always the same (decision 4, G8; not the
/// dice of RFC 2782).
void sort_srv(std::vector<SrvRecord>& records);

}  // namespace direct
