// fetch.h - one request over HTTP(S), under a guard: who chose the URL is not trusted.
//
// URLs come from certificates of strangers and from the configuration. http and https only, also after a
// redirect, never from https down to http; the address a socket is opened to must pass AddressGuard (so a
// name that resolves differently the second time gains nothing); TLS is always verified; time, size, header
// and redirects are bounded. No proxy or netrc of the environment, no cookies, no user in the URL, no
// compression, one user agent. Of the ports below 1024 only 80 and 443, so that nobody lets us talk to a
// mail or database server of somebody else. Nothing is cached here (fetch_cache.h does).
// A Fetcher is immutable: thread safe. Blocks the calling thread, never past the budget.
// Source: requirements D5, G12, H4; decision 11; reference-behaviour hole 7; RFC 9110, RFC 9111.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/result.h"
#include "policy/discovery/address_guard.h"
#include "policy/discovery/resolver.h"

namespace direct {

struct FetchRequest {
    std::string url;                  ///< at most 2048 bytes
    std::size_t bytes_max = 0;        ///< of the body; 0: FetchOptions::bytes_max
    std::string etag, last_modified;  ///< of the copy at hand, as answered before: asks for a change only
    std::string body, body_type;      ///< not empty: POST (OCSP); a POST follows no redirect
    Time now = SystemClock().now();   ///< what freshness is counted from
};

struct FetchAnswer {
    long status = 0;  ///< 200 or 304
    std::string body, etag, last_modified, content_type;
    /// Until when the server lets it be used unasked (Cache-Control, Age, Expires; 30 days at most); nothing
    /// when it says nothing. Not later than the request's now: it is to be asked again each time.
    std::optional<Time> fresh_until;
    bool not_modified = false;  ///< 304: body is empty, the copy at hand is still the newest
};

struct FetchOptions {
    milliseconds connect_timeout{5000}, total_timeout{10000};  ///< total: redirects included
    int redirects_max = 3;
    std::size_t bytes_max = 16 * 1024 * 1024;
    std::vector<std::string> allow_networks;  ///< see AddressGuard
    std::string ca_file;                      ///< PEM of authorities for https; "" = the system's
    std::vector<std::string> resolve;         ///< tests: "name:port:address" instead of DNS
};

class Fetcher {
public:
    explicit Fetcher(FetchOptions options);

    /// One answer with status 200, or 304 where the request brought etag or last_modified. Everything else
    /// is a Fault temporary whose `why` begins with the URL: other statuses, refused addresses and schemes,
    /// limits, TLS, a spent budget. Counts fetches_total, fetch_failures_total, fetch_seconds.
    Result<FetchAnswer> fetch(const FetchRequest& request, const Budget& budget) const;

    const FetchOptions& options() const { return options_; }

private:
    Result<FetchAnswer> follow(const FetchRequest& request, const Budget& budget) const;

    FetchOptions options_;
    AddressGuard guard_;
};

}  // namespace direct
