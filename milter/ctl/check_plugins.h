// check_plugins.h - are the parser plugins of the daemon there, is each of them loaded, and what could they not read?
#pragma once
#include <string_view>

#include "conf/settings.h"
#include "milter/ctl/findings.h"

namespace direct::ctl {

/// Starts one parser child as the daemon does. As the store's owner, not as root.
void check_plugins(const Settings& settings, Findings& findings);

/// @param metrics  what the daemon counted since it was started, as Prometheus text
void check_documents(std::string_view metrics, Findings& findings);

}  // namespace direct::ctl
