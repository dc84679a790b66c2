// revocation_lookup.h - has this certificate been revoked? Asks where it says, within a message's budget.
//
// OCSP when the certificate names a responder, else or when that brings nothing its revocation lists.
//   revoked   refuses, however old the data is: who is revoked stays so.
//   good      the data has not ended, or ended less than policy.revocation_grace ago and nothing newer can be
//             had (decision 2); the reason is told then.
//   unknown   anything else, with every reason: no place named, no answer, an answer that does not count, the
//             budget spent. policy.revocation decides: soft lets it through with an audit line, hard answers 4xx.
// Data is asked for anew when its own end has come, and earlier when its server says so or four hours have
// passed: lists are often promised for a week and published every day. Thread safe.
// Only called for a path that ends at an anchor (decision 11): judge() sees to that.
// Source: requirements D6, D7; decisions 2 and 11.
#pragma once
#include <memory>

#include "policy/discovery/fetch_cache.h"
#include "policy/trust/verdict.h"

namespace direct {

class RevocationLookup {
public:
    /// @param cache  borrowed, lives longer
    explicit RevocationLookup(FetchCache& cache);
    ~RevocationLookup();
    RevocationAnswer find(const Certificate& certificate, const Certificate& issuer,
                          const LookupContext& context);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
