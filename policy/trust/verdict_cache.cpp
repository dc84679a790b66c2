// verdict_cache.cpp - verdicts that cannot have changed yet; see verdict.h.
#include <algorithm>

#include "milter/base/crypto.h"
#include "policy/lru_shards.h"
#include "policy/trust/verdict.h"

namespace direct {
namespace {

constexpr auto longest = std::chrono::minutes(10);

struct Entry {
    std::string name;
    Verdict verdict;
    Time from, until;
    std::string_view key() const { return name; }
};

/// Whether there is somebody to ask belongs to the question.
bool asks_revocation(const JudgeOptions& o)
{
    return o.revocation != JudgeOptions::RevocationMode::off && o.revocation_source;
}

std::string name_of(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                    const AnchorSet& anchors, const JudgeOptions& o)
{
    Sha256 hash;
    hash.update(leaf.fingerprint());
    hash.update(anchors.digest());
    hash.update(std::to_string(int(o.use.kind)) + "," + std::to_string(int(o.revocation)) + "," +
                (asks_revocation(o) ? "asked," : "") + std::to_string(o.max_depth) + "," +
                std::to_string(o.max_paths) + ",");
    for (const auto& c : intermediates) hash.update(c.fingerprint());
    return hash.finish();
}

/// Only what time alone changes later than we say: a refusal for a date or a usage is judged anew.
bool may_keep(const Verdict& v)
{
    return v.trusted() || v.reason == Reason::untrusted || v.reason == Reason::no_path;
}

}  // namespace

struct VerdictCache::State {
    explicit State(std::size_t entries) : cache(entries) {}
    LruShards<Entry> cache;
};

VerdictCache::VerdictCache(std::size_t entries) : state_(std::make_unique<State>(entries)) {}
VerdictCache::~VerdictCache() = default;

Verdict VerdictCache::judge(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                            const AnchorSet& anchors, const JudgeOptions& options)
{
    std::string name = name_of(leaf, intermediates, anchors, options);
    if (auto known = state_->cache.find(name);
        known && known->from <= options.now && options.now <= known->until)
        return known->verdict;
    Verdict verdict = direct::judge(leaf, intermediates, anchors, options);
    if (!may_keep(verdict)) return verdict;
    // Let through without data, or with data that has ended: the next message asks again.
    Time until = std::min<Time>(options.now + longest, verdict.fresh_until);
    if (until <= options.now) return verdict;
    for (const auto& c : verdict.path) until = std::min(until, c.not_after());
    state_->cache.put({std::move(name), verdict, options.now, until});
    return verdict;
}

}  // namespace direct
