// verdict.h - whom we trust and why: bytes and a time go in, a verdict with all its reasons comes out.
//
// No I/O: intermediates and revocation data are brought by the caller. Paths are enumerated by us (depth
// 6, 32 paths at most) because OpenSSL alone takes the first issuer that fits and does not backtrack;
// each is then verified whole under RFC 5280 at the given time, with the anchor as its end (partial
// chains). An anchor is a whole certificate: key identifiers are only a hint for the search. The
// system's web store is never used. Immutable, thread safe.
// Source: requirements D1-D14, decisions 2, 11, 12; reference-behaviour holes 1-3.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/reason.h"
#include "policy/certificate.h"
#include "policy/trust/anchor.h"

namespace direct {

enum class Direction : unsigned char { incoming, outgoing };

/// Anchors of one domain for one direction.
class AnchorSet {
public:
    AnchorSet() = default;
    explicit AnchorSet(Anchors anchors);
    explicit AnchorSet(const std::vector<Certificate>& anchors);
    bool contains(const Certificate& whole) const;
    const Anchors& anchors() const { return anchors_; }
    std::vector<Certificate> certificates() const;  ///< parses all; broken ones left out
    /// Those whose subject is the certificate's issuer, by name alone.
    std::vector<Certificate> named_issuers_of(const Certificate& certificate) const;
    bool empty() const { return anchors_.empty(); }
    /// Changes whenever the set changes: key for verdict caches.
    const std::string& digest() const { return digest_; }

private:
    Anchors anchors_;                                                 ///< sorted by DER
    std::unordered_multimap<unsigned long, std::size_t> by_subject_;  ///< hash of the canonical name
    std::string digest_;
};

/// What is known of an element's revocation; the caller looks it up (policy/discovery), this room judges.
enum class Revocation : unsigned char { good, revoked, unknown, not_checked };
struct RevocationAnswer {
    Revocation state = Revocation::unknown;
    std::string why;     ///< in plain words, for the admin; may be empty
    Time fresh_until{};  ///< until when asking again would bring the same: verdicts are kept no longer
    RevocationAnswer(Revocation s = Revocation::unknown, std::string because = {}, Time until = {})
        : state(s), why(std::move(because)), fresh_until(until)
    {
    }
};
/// Answers for (certificate, issuer). Must not block longer than the caller's budget.
using RevocationSource =
    std::function<RevocationAnswer(const Certificate& certificate, const Certificate& issuer)>;

struct Use {
    enum Kind : unsigned char { signing, encryption } kind = signing;
};

struct JudgeOptions {
    Time now{};
    Use use;
    enum class RevocationMode : unsigned char { soft, hard, off } revocation = RevocationMode::soft;
    RevocationSource revocation_source;         ///< empty: every element is not_checked, as with off
    std::size_t max_depth = 6, max_paths = 32;  ///< decision 12
};

struct Verdict {
    Reason reason = Reason::untrusted;  ///< accepted, or the first cause; the initial value fails closed
    std::vector<Certificate> path;      ///< leaf first, anchor last, when accepted
    std::vector<std::string> because;   ///< every reason found, in plain words, for explain
    Time fresh_until = Time::max();     ///< the earliest end of the revocation answers it rests on
    bool trusted() const { return reason == Reason::accepted; }
};

/// Judges a certificate that has been bound to its address already.
/// Reasons: accepted, expired, not_yet_valid, revoked, revocation_unknown, no_path, untrusted, weak_key,
/// weak_algorithm, bad_usage.
Verdict judge(const Certificate& leaf, const std::vector<Certificate>& intermediates,
              const AnchorSet& anchors, const JudgeOptions& options);

/// A bounded cache of verdicts keyed by leaf, intermediates, anchor set and use. Honest about time: an entry holds until the
/// earliest notAfter of its path, the earliest end of the revocation answers it rests on, or 10 minutes, whichever comes
/// first. What was let through without revocation data, or within the grace, is judged anew each time. Thread safe.
class VerdictCache {
public:
    explicit VerdictCache(std::size_t entries = 10000);
    ~VerdictCache();
    Verdict judge(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                  const AnchorSet& anchors, const JudgeOptions& options);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
