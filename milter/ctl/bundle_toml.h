// bundle_toml.h - a [[bundle]] put into the text of a configuration without touching anything else in it.
#pragma once
#include <string>
#include <string_view>

#include "conf/settings.h"

namespace direct::ctl {

/// What an administrator would type: the [[bundle]] table and the line of the [[domain]].
struct BundleText {
    std::string table, domain_line;
};
BundleText bundle_text(const BundleSettings& bundle, const DomainBundle& use);

/// The whole new text. It is read again and held against the old one: every setting but the new ones is the same.
/// Fault: input (the file is written in a way that is not edited here, say a list over several lines).
Result<std::string> with_bundle(const std::string& toml, const Settings& settings, const std::string& domain,
                                const BundleSettings& bundle, const DomainBundle& use);

}  // namespace direct::ctl
