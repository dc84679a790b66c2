// ldap_cache.cpp - see ldap_cache.h.
#include "policy/discovery/ldap_cache.h"

#include <algorithm>

namespace direct {
namespace {

/// A parsed certificate takes several times the room of its octets; the rest is small change.
constexpr std::size_t certificate_factor = 4, entry_bytes = 512;

std::size_t bytes_of(const std::string& key, const std::vector<SrvRecord>& servers, const Discovery& answer)
{
    std::size_t bytes = entry_bytes + 2 * key.size();
    for (const auto& server : servers) bytes += sizeof server + server.target.size();
    for (const auto& line : answer.trace) bytes += sizeof line + line.size();
    for (const auto& c : answer.certificates) bytes += certificate_factor * c.der().size();
    return bytes;
}

}  // namespace

std::optional<Discovery> LdapCache::find(const std::string& key, const std::vector<SrvRecord>& servers,
                                         SteadyTime now)
{
    std::lock_guard guard(lock_);
    auto it = by_key_.find(key);
    if (it == by_key_.end()) return {};
    const Place place = it->second;
    if (place->until <= now || place->servers != servers) {
        drop(place);
        return {};
    }
    order_.splice(order_.begin(), order_, place);
    Discovery answer = place->answer;
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - place->from);
    answer.trace.push_back("ldap: as it was answered " + std::to_string(age.count()) +
                           " s ago (discovery.ldap_cache_life)");
    return answer;
}

void LdapCache::put(const std::string& key, const std::vector<SrvRecord>& servers, const Discovery& answer,
                    SteadyTime now)
{
    if (answer.answer == Discovery::Answer::later) return;
    const auto life =
        answer.answer == Discovery::Answer::found ? life_ : std::min(life_, ldap_nothing_life_max);
    const std::size_t bytes = bytes_of(key, servers, answer);
    std::lock_guard guard(lock_);
    if (auto it = by_key_.find(key); it != by_key_.end()) drop(it->second);
    if (life.count() <= 0 || bytes > bytes_max_) return;
    while (bytes_ + bytes > bytes_max_) drop(std::prev(order_.end()));
    order_.push_front({key, servers, answer, now, now + life, bytes});
    by_key_.emplace(key, order_.begin());
    bytes_ += bytes;
}

std::size_t LdapCache::bytes() const
{
    std::lock_guard guard(lock_);
    return bytes_;
}

void LdapCache::drop(Place place)
{
    bytes_ -= place->bytes;
    by_key_.erase(place->key);
    order_.erase(place);
}

}  // namespace direct
