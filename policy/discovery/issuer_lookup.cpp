// issuer_lookup.cpp - see issuer_lookup.h.
#include "policy/discovery/issuer_lookup.h"

#include <algorithm>

#include "milter/base/metrics.h"
#include "policy/lru_shards.h"
#include "policy/trust/revocation.h"

namespace direct {
namespace {

constexpr std::size_t depth_max = 5;         // a path has six certificates (decision 12)
constexpr std::size_t signatures_max = 200;  // tried in one call: many certificates of one name are a bomb
constexpr std::size_t fetches_max = 8;       // of one call
constexpr std::size_t answer_max = 256 * 1024;
constexpr std::size_t certificates_max = 16;       // of one answer
constexpr std::size_t looked_at_max = 32;          // certificates, at hand or fetched
constexpr std::size_t answers_kept = 64;           // parsed, each may take half a megabyte
constexpr std::size_t certificate_max = 8 * 1024;  // as in the cache of certificates
constexpr int key_bits_max = 8192;                 // as everywhere: larger keys cost milliseconds a signature
constexpr auto kept_at_least = std::chrono::hours(1), kept_at_most = std::chrono::hours(7 * 24);
constexpr auto kept_unsaid = std::chrono::hours(24);

struct KeptIssuers {
    std::string url, digest;
    std::vector<Certificate> certificates;
    Time fresh_until{};
    std::string_view key() const { return url; }
};

bool named_as_issuer(const Certificate& issuer, const Certificate& c)
{
    return X509_NAME_cmp(X509_get_subject_name(issuer.x509()), X509_get_issuer_name(c.x509())) == 0;
}

bool has_issued(const Certificate& issuer, const Certificate& c)
{
    if (X509_NAME_cmp(X509_get_subject_name(issuer.x509()), X509_get_issuer_name(c.x509())) != 0)
        return false;
    EVP_PKEY* key = X509_get0_pubkey(issuer.x509());
    bool good = key && EVP_PKEY_get_bits(key) <= key_bits_max && X509_verify(c.x509(), key) == 1;
    ossl::take_errors();
    return good;
}

bool contains(const std::vector<Certificate>& list, const Certificate& c)
{
    return std::find(list.begin(), list.end(), c) != list.end();
}

}  // namespace

struct IssuerLookup::State {
    explicit State(FetchCache& the_cache) : cache(the_cache) {}
    FetchCache& cache;
    LruShards<KeptIssuers> kept{answers_kept};
    Result<KeptIssuers> at(const std::string& url, const LookupContext& context);
};

IssuerLookup::IssuerLookup(FetchCache& cache) : state_(std::make_unique<State>(cache)) {}
IssuerLookup::~IssuerLookup() = default;

Result<KeptIssuers> IssuerLookup::State::at(const std::string& url, const LookupContext& context)
{
    auto known = kept.find(url);
    if (known && context.now < known->fresh_until) {
        count(Metric::fetch_cache_hits_total);
        return *std::move(known);
    }
    FetchCache::Question question;
    question.name = "issuer " + url;
    question.request.url = url;
    question.request.bytes_max = answer_max;
    if (known) question.known_digest = known->digest;
    question.judge = [&](std::string_view body, std::optional<Time> offered) -> Result<Time> {
        TRY(auto read, read_certificates(body));
        if (read.size() > certificates_max)
            return fail(
                refuse(Reason::malformed, "more than " + std::to_string(certificates_max) + " certificates"));
        for (const auto& one : read)
            if (one.der().size() > certificate_max)
                return fail(refuse(Reason::malformed, "a certificate over 8 KB"));
        if (!offered) return context.now + kept_unsaid;
        return std::clamp<Time>(*offered, context.now + kept_at_least, context.now + kept_at_most);
    };
    TRY(auto copy, cache.get(question, context));
    KeptIssuers out{url, copy.digest, {}, copy.stale ? context.now : copy.fresh_until};
    if (copy.body) {
        TRY(out.certificates, read_certificates(*copy.body));
    } else if (known) {
        out.certificates = known->certificates;
    }
    kept.put(out);
    return out;
}

FoundIssuers IssuerLookup::find(const Certificate& leaf, const std::vector<Certificate>& at_hand,
                                const LookupContext& context)
{
    FoundIssuers out;
    auto& [fetched, notes, more_later] = out;
    std::vector<Certificate> level{leaf}, seen;
    std::size_t fetches = 0, signatures = 0;
    // Hundreds of certificates that all bear one name cost a signature each, for each of them again.
    auto has_issued_within_bounds = [&](const Certificate& one, const Certificate& c) {
        return named_as_issuer(one, c) && signatures++ < signatures_max && has_issued(one, c);
    };
    for (std::size_t depth = 0; depth < depth_max && !level.empty(); ++depth) {
        std::vector<Certificate> above;
        for (const auto& c : level) {
            if (contains(seen, c) || seen.size() >= looked_at_max || has_issued(c, c)) continue;
            seen.push_back(c);
            bool any = false;
            for (const auto& one : at_hand)
                if (has_issued_within_bounds(one, c)) {
                    above.push_back(one);
                    any = true;
                }
            if (signatures >= signatures_max) {
                notes.emplace_back("more certificates of one name than are looked at");
                return out;
            }
            if (context.budget.spent()) {
                notes.emplace_back("the time for looking up issuers is over (policy.budget)");
                more_later = true;
                return out;
            }
            if (any) continue;
            for (const auto& url : issuer_places(c)) {
                if (fetches >= fetches_max) {
                    notes.emplace_back("more places of issuers than are asked");
                    return out;
                }
                ++fetches;
                auto found = state_->at(url, context);
                if (!found) {
                    more_later |= found.error().retry == Retry::later;
                    notes.push_back("the issuer of " + c.subject() +
                                    " could not be fetched: " + found.error().why);
                    continue;
                }
                for (const auto& one : found->certificates)
                    if (has_issued(one, c)) {
                        above.push_back(one);
                        any = true;
                        if (!contains(fetched, one)) fetched.push_back(one);
                    }
                notes.push_back((any ? "the issuer of " : "no issuer of ") + c.subject() +
                                " was fetched from " + url);
                if (any) break;
            }
        }
        level = std::move(above);
    }
    return out;
}

}  // namespace direct
