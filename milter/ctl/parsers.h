// parsers.h - the sandboxed child for commands that read documents: which program, which plugins.
#pragma once
#include "milter/ctl/context.h"
#include "plugins/host/worker_pool.h"

namespace direct::ctl {

/// One child and the plugins of the configuration. In a build folder those built there: when no configuration was
/// named, or for the program or folder that it does not set and that is not installed.
/// @param plugins  folder to be used instead; "" = none was named
PoolOptions parser_options(const Common& common, const Settings& settings, const std::string& plugins = "");

/// For directctl parse: the configuration that was named or is there, else the defaults; it needs no [[domain]].
/// Fault: configuration.
Result<SettingsPtr> parser_settings(const Common& common);

}  // namespace direct::ctl
