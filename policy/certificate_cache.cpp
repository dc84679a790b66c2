// certificate_cache.cpp - from DER bytes to the parsed certificate, least recently used ones leave first.
//
// Sixteen shards, each under its own lock, and nothing is parsed while a lock is held: two threads that
// meet the same new certificate both parse it and one result stays.
#include <array>
#include <list>
#include <mutex>
#include <unordered_map>

#include "policy/certificate.h"

namespace direct {
namespace {

class Shard {
public:
    const Certificate* find(std::string_view der)
    {
        auto it = by_der_.find(der);
        if (it == by_der_.end()) return nullptr;
        order_.splice(order_.begin(), order_, it->second);
        return &*it->second;
    }

    void put(const Certificate& certificate, std::size_t most)
    {
        if (find(certificate.der())) return;
        order_.push_front(certificate);
        by_der_.emplace(order_.front().der(), order_.begin());
        if (order_.size() <= most) return;
        by_der_.erase(order_.back().der());
        order_.pop_back();
    }

    std::mutex lock;

private:
    std::list<Certificate> order_;
    std::unordered_map<std::string_view, std::list<Certificate>::iterator> by_der_;  // views into order_
};

constexpr std::size_t shard_count = 16;

}  // namespace

struct CertificateCache::State {
    std::size_t per_shard;
    std::array<Shard, shard_count> shards;
};

CertificateCache::CertificateCache(std::size_t entries) : state_(std::make_unique<State>())
{
    state_->per_shard = std::max<std::size_t>(1, entries / shard_count);
}

CertificateCache::~CertificateCache() = default;

Result<Certificate> CertificateCache::get(std::string_view der)
{
    // The high bits choose the shard, the map inside uses the low ones.
    Shard& shard = state_->shards[(std::hash<std::string_view>{}(der) >> 48) % shard_count];
    {
        std::lock_guard guard(shard.lock);
        if (const Certificate* known = shard.find(der)) return *known;
    }
    TRY(Certificate certificate, Certificate::from_der(der));
    std::lock_guard guard(shard.lock);
    shard.put(certificate, state_->per_shard);
    return certificate;
}

}  // namespace direct
