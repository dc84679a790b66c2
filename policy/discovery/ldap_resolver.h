// ldap_resolver.h - steps "ldap address" and "ldap domain": the LDAP servers that a recipient's domain names.
//
// SRV records at _ldap._tcp.<domain>, lowest priority first, then highest weight, always in the same order; every
// server is asked until one has the address's certificate, then what any of them had for the domain counts. So one
// connection serves both steps, and an address's certificate wins wherever it lies.
//   found      any value of userCertificate, usable, readable or not (G4)
//   not_found  no such service, or a server said that nothing is there; or none could be asked and
//              discovery.ldap_unreachable is fail (G9)
//   later      the DNS did not answer, for the service or for one of its servers (G10); this host could not ask (no
//              descriptors, no route, fetch.ca_file unreadable); the message's time is over;
//              or, unless ldap_unreachable is fail, none of the best priority could be asked
// A server that failed is passed over for a while; afterwards it gets little of a message's time until it has answered
// again, so that dead servers do not use up the time of every try; now and then one message gives it the whole time.
// A whole answer is kept for a while (LdapCache). Thread safe.
// Source: requirements G4, G7-G9, G11, G13, D1-D18; decision 4.
#pragma once
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/ldap_cache.h"
#include "policy/discovery/ldap_client.h"

namespace direct {

/// How long a server that has failed gets little time, until one asking has the whole time again: one that needs more
/// would not come back otherwise. Ten pauses, so that dead servers cost little; of a second at least.
constexpr milliseconds full_time_pause_of(milliseconds failure_pause)
{
    return 10 * std::max(failure_pause, milliseconds(1000));
}

struct LdapRules {
    bool address = true, domain = true;  ///< the steps that are taken
    bool later_when_unreachable = false;
    milliseconds failure_pause{30000};  ///< 0: a server that failed is asked again at once
    milliseconds full_time_pause = full_time_pause_of(failure_pause);
    std::size_t cache_bytes = 4 * 1024 * 1024;
    milliseconds cache_life{10 * 60 * 1000};  ///< 0: nothing is kept
    LdapOptions server;
};
LdapRules ldap_rules_of(const Settings& settings);

/// A server to ask, with what its name has resolved to.
struct LdapTarget {
    std::string host;
    unsigned port = 0;
    std::vector<std::string> addresses;
    bool failed_lately = false;  ///< it has not answered since it failed: it gets ldap_probe_max at most
};
/// Time for a server that has not answered since it failed: ten of them fit into policy.budget as it is by default.
inline constexpr milliseconds ldap_probe_max{2000}, ldap_probe_connect_max{1000};
/// What a server holds for one of the names it was asked for.
struct LdapHit {
    std::size_t index = 0;
    std::vector<std::string> values;  ///< of userCertificate, at least one
};
/// Asks one server for each of `mails` in order, below all its bases, until there is something.
/// Fault: temporary: the server could not be asked to the end; reason configuration: by our own host's fault.
using LdapAsk = std::function<Result<std::optional<LdapHit>>(
    const LdapTarget& server, const std::vector<std::string>& mails, const Budget& budget)>;
/// The real one, over LdapSession. Counts ldap_servers_asked_total, ldap_failures_total, ldap_seconds.
LdapAsk ldap_ask(LdapOptions options);

class LdapResolver : public CertificateResolver {
public:
    /// @param ask  nullptr: ldap_ask(rules.server)
    LdapResolver(std::shared_ptr<DnsLookup> dns, LdapRules rules, LdapAsk ask = nullptr);
    Discovery find(const Address& address, const Budget& budget) override;

private:
    struct Search;
    Result<std::vector<SrvRecord>> servers_of(const std::string& service, const Budget& budget);
    void ask_one(const SrvRecord& record, Search& search, const Budget& budget);
    Discovery conclude(Search& search, bool time_is_over) const;
    /// What is known of one SRV target: addresses, or why it is not asked.
    Result<LdapTarget> resolve(const SrvRecord& record, SteadyTime deadline, bool& dns_failed) const;
    Discovery ask_servers(const std::vector<SrvRecord>& servers, Search& search, const Budget& budget);
    std::string pausing(const std::string& server, bool& failed_lately);
    void note_failure(const std::string& server);
    void note_answer(const std::string& server);

    std::shared_ptr<DnsLookup> dns_;
    LdapRules rules_;
    LdapAsk ask_;
    std::mutex lock_;
    struct Failed {
        SteadyTime paused_until, full_time_from;
    };
    std::map<std::string, Failed> failed_;  ///< by "host:port", from a failure to the next answer
    LdapCache cache_;
};

}  // namespace direct
