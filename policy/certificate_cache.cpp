// certificate_cache.cpp - from DER bytes to the parsed certificate.
//
// Nothing is parsed while a lock is held: two threads that meet the same new certificate both parse it
// and one result stays. What cannot be parsed is not kept.
#include "policy/certificate.h"
#include "policy/lru_shards.h"

namespace direct {
namespace {

// A larger one is parsed each time: who sends such certificates shall not fill the memory with them for good.
constexpr std::size_t kept_max = 8 * 1024;

struct Entry {
    Certificate certificate;
    std::string_view key() const { return certificate.der(); }
};

}  // namespace

struct CertificateCache::State {
    explicit State(std::size_t entries) : cache(entries) {}
    LruShards<Entry> cache;
};

CertificateCache::CertificateCache(std::size_t entries) : state_(std::make_unique<State>(entries)) {}
CertificateCache::~CertificateCache() = default;

Result<Certificate> CertificateCache::get(std::string_view der)
{
    if (auto known = state_->cache.find(der)) return known->certificate;
    TRY(Certificate certificate, Certificate::from_der(der));
    if (der.size() <= kept_max) state_->cache.put({certificate});
    return certificate;
}

}  // namespace direct
