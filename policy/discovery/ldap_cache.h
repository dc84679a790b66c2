// ldap_cache.h - what directories have answered, for a short while: the next message to the same address asks nobody.
//
// Directories say nothing of how long an answer is good, so the site does (discovery.ldap_cache_life); that nobody has
// a certificate is believed for five minutes at most, as the DNS is (G11). An answer counts for the very servers that
// were named when it was given: a domain that names others is asked anew. What has failed is not for here: only whole
// answers are kept. Bounded in bytes; what was not used for longest leaves first. Thread safe, no I/O.
// Source: requirement G11.
#pragma once
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/resolver.h"

namespace direct {

/// Longest life of "nothing is there": a partner who publishes today shall be found today.
inline constexpr milliseconds ldap_nothing_life_max{5 * 60 * 1000};

class LdapCache {
public:
    /// @param bytes  of all answers together, roughly; 0 keeps none
    /// @param life   of one answer; 0 keeps none
    LdapCache(std::size_t bytes, milliseconds life) : bytes_max_(bytes), life_(life) {}

    /// @param key      of the address that was asked for
    /// @param servers  those its domain names now
    /// @return the answer as it was given, its trace telling how old it is
    std::optional<Discovery> find(const std::string& key, const std::vector<SrvRecord>& servers,
                                  SteadyTime now);
    /// @param answer  found or not_found; later is not kept
    void put(const std::string& key, const std::vector<SrvRecord>& servers, const Discovery& answer,
             SteadyTime now);
    std::size_t bytes() const;

private:
    struct Entry {
        std::string key;
        std::vector<SrvRecord> servers;
        Discovery answer;
        SteadyTime from, until;
        std::size_t bytes;
    };
    using Place = std::list<Entry>::iterator;
    void drop(Place place);

    const std::size_t bytes_max_;
    const milliseconds life_;
    mutable std::mutex lock_;
    std::list<Entry> order_;  ///< used last first
    std::map<std::string, Place> by_key_;
    std::size_t bytes_ = 0;
};

}  // namespace direct
