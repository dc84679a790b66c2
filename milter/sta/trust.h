// trust.h - whom the site trusts: anchors in files and anchors of bundles, put together per domain and
// direction; and who gains or loses when that changes. Thread safe after loading.
// Source: requirements D9, H4, H5.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "policy/discovery/bundle_refresh.h"
#include "policy/discovery/resolver.h"
#include "policy/trust/anchors.h"

namespace direct {

struct Trust {
    TrustAnchors files;                 ///< anchors of files alone
    TrustAnchors anchors;               ///< of files and bundles
    std::vector<BundleNow> bundles;     ///< in the order of the configuration
    std::vector<std::string> findings;  ///< what bundles left out: "bundle NAME: ..."
};

/// Reads the anchors' folder and the bundles' kept copies; no network. A domain that names a bundle which is not
/// there is at fault: what then looks untrusted is answered 4xx.
/// @param instead  bundles to take instead of their kept copies, by name: what would be if
Trust load_trust(const Settings& settings, Time now, const std::map<std::string, Bundle>& instead = {});
/// The same with the anchors of files as they are: what lies in the folder since then waits for a reload.
Trust load_trust(const Settings& settings, Time now, TrustAnchors files,
                 const std::map<std::string, Bundle>& instead = {});

/// A partner's certificate that is known by file and whose verdict differs.
struct TrustChange {
    std::string owner;  ///< address or domain it is known for
    Certificate certificate;
    std::string domain;  ///< ours
    Direction direction;
    bool gains;
};
/// Every known certificate under both, in each direction of each domain of ours. Revocation is not asked.
std::vector<TrustChange> compare_trust(const Settings& settings, const TrustAnchors& before,
                                       const TrustAnchors& after, const FileResolver& known, Time now);

}  // namespace direct
