// fetch_cache.h - what was fetched, kept in the store until something newer is had.
//
// One fetch at a time for each URL: others wait for it within their own budget. A failure is remembered for
// a pause, so that a dead server costs one message its time, not all. What a server brings counts only when
// the asker finds it good: a broken list never takes the place of the last good one. An old copy is given
// when nothing newer can be had, marked stale: the asker decides what it is still worth. Survives a restart;
// bounded in bytes, copies not asked for longest leave first. Without a store nothing survives, the rest
// holds. Thread safe.
// Source: requirements D6, G12; decision 2.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "milter/store/record_store.h"
#include "policy/discovery/fetch.h"

namespace direct {

/// What every look-up of one message shares.
struct LookupContext {
    const Fetcher& fetcher;
    Time now{};
    Budget budget;
    milliseconds grace{24 * 3600 * 1000};         ///< policy.revocation_grace
    milliseconds failure_pause{5 * 60 * 1000};    ///< fetch.failure_pause
    std::uint64_t cache_max = 256 * 1024 * 1024;  ///< fetch.cache_max
};

class FetchCache {
public:
    struct Question {
        std::string name;          ///< names the answer: "crl http://..."; what goes to the store is its HMAC
        FetchRequest request;      ///< etag, last_modified and now are filled in here
        std::string known_digest;  ///< of the answer at hand: an equal one comes without its bytes
        /// Is the answer good, and until when is it used unasked? A Fault: not taken, as if not answered.
        /// @param offered  what the server said of it, see FetchAnswer::fresh_until
        std::function<Result<Time>(std::string_view body, std::optional<Time> offered)> judge;
    };
    struct Copy {
        std::shared_ptr<const std::string> body;  ///< nullptr: the one with known_digest
        std::string digest;                       ///< SHA-256 of the body
        Time fresh_until{};
        bool stale = false;
        std::string why_stale;
    };

    FetchCache();
    ~FetchCache();
    /// The store copies are kept in; borrowed, lives longer. Before the first question.
    void use(RecordStore& store);

    /// Fault: no copy at hand and none to be had; temporary, or malformed where asking again would bring the same.
    Result<Copy> get(const Question& question, const LookupContext& context);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
