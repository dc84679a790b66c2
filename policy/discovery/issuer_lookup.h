// issuer_lookup.h - certificates of authorities that a sender did not send along, by AIA caIssuers.
//
// Called when no path reached an anchor, for certificates whose signature has verified (decision 11). From a
// certificate upward, only where no issuer is at hand; what is fetched counts only when its key has signed
// the certificate below. Bounded in depth, fetches and bytes. What comes is no more trusted than what a
// stranger sends along: judge() decides. Thread safe.
// Source: requirement D5; RFC 5280 section 4.2.2.1.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "policy/certificate.h"
#include "policy/discovery/fetch_cache.h"

namespace direct {

struct FoundIssuers {
    std::vector<Certificate> certificates;
    std::vector<std::string> notes;  ///< a line for everything that was fetched or could not be
    bool more_later = false;         ///< a server did not answer, or the message's time was over
};

class IssuerLookup {
public:
    /// @param cache  borrowed, lives longer
    explicit IssuerLookup(FetchCache& cache);
    ~IssuerLookup();
    /// Issuers that were missing above `leaf`; never one that is at hand.
    FoundIssuers find(const Certificate& leaf, const std::vector<Certificate>& at_hand,
                      const LookupContext& context);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
