// tool_settings.h - the configuration for commands that serve no domain: directctl parse.
#pragma once
#include "conf/settings.h"

namespace direct {

/// load_settings() for a file that need not have a [[domain]]. Every other fault is one here as well.
Result<std::shared_ptr<const Settings>> load_tool_settings(const std::string& path);

}  // namespace direct
