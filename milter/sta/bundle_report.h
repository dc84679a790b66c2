// bundle_report.h - bundles refreshed and listed, told as JSON: the same for the daemon's record service and for
// directctl where no daemon runs.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "milter/sta/trust.h"

namespace direct {

/// One refresh of the named bundle, or of all when `name` is empty; what directctl does itself when no daemon
/// runs. JSON: {"dry_run":B,"bundles":[...],"failed":N}. With `dry_run` nothing is written. `on_each` sees every
/// bundle after it was kept. Fault: input (no such bundle).
Result<std::string> refresh_bundles(const Settings& settings, const BundleFetch& fetch,
                                    const std::string& name, bool dry_run, Time now,
                                    const std::function<void(const BundleRefresh&)>& on_each);

/// {"bundles":[...]}: each with state, age, number of anchors, domains.
std::string list_bundles(const Settings& settings, Time now);

/// For the audit: "NAME: 2 anchors came, 1 went; SHA-256 ...", and the fingerprints of those (100 at most).
std::string summary_of(const BundleRefresh& refresh);
std::vector<std::string> fingerprints_of(const BundleRefresh& refresh);

}  // namespace direct
