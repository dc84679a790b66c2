// bundle_refresh.h - a published trust bundle: fetched, verified, compared with the copy at hand, kept.
//
// The copy at hand stays on every error. A bundle that was never loaded, or whose copy is no longer fit for the
// configuration (other URL, other signer), has no anchors: fail closed. The network is behind a function, so
// tests need none.
// Source: requirements H1-H5; reference-behaviour holes 5-7; Trust Bundle guide 1.0.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "policy/discovery/bundle_files.h"
#include "policy/discovery/fetch.h"
#include "policy/trust/bundle.h"

namespace direct {

/// What a server gave for one bundle.
struct BundleAnswer {
    bool not_modified = false;  ///< the copy named by etag or last_modified is still the newest
    std::string body, etag, last_modified;
};
/// Asks the server of a bundle; `known` has no etag when a whole answer is wanted. Fault: temporary.
using BundleFetch = std::function<Result<BundleAnswer>(const BundleSettings&, const BundleState& known)>;

/// Over HTTP(S) under the guard of fetch.h, at most fetch.timeout for one bundle.
BundleFetch fetch_over_http(FetchOptions options);

/// One bundle as the site may use it now.
struct BundleNow {
    std::string name;
    BundleState state;
    std::optional<Bundle> bundle;  ///< nothing: its anchors are absent
    std::string why;               ///< nothing: why
};

/// The kept copy, verified anew under the present configuration.
BundleNow bundle_now(const BundleFiles& files, const BundleSettings& settings, Time now);

/// Has no server confirmed it for longer than `limit`? One that was never loaded is stale at once, and so is one that
/// was confirmed in the future: the clock was wrong.
bool is_stale(const BundleNow& bundle, milliseconds limit, Time now);
/// policy.bundle_stale, and never less than two of the bundle's own intervals.
milliseconds stale_after(const Settings& settings, const BundleSettings& bundle);

/// What a fetch has brought; nothing is written yet.
struct BundleRefresh {
    enum class Outcome : unsigned char { changed, unchanged, failed } outcome = Outcome::failed;
    std::string why;  ///< failed
    BundleNow before, after;
    std::string bytes;                  ///< of `after`
    std::vector<Certificate> come, go;  ///< changed: anchors, sorted
};
BundleRefresh fetch_bundle(const BundleFetch& fetch, const BundleFiles& files, const BundleSettings& settings,
                           Time now);

/// Writes down what came of it: the new bytes and their state, or only when and why not.
/// Fault: configuration; then nothing has changed.
Status keep_bundle(const BundleFiles& files, const BundleRefresh& refresh);

const char* word_of(BundleRefresh::Outcome outcome);

}  // namespace direct
