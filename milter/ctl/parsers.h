// parsers.h - the sandboxed child for commands that read documents.
#pragma once
#include "milter/ctl/context.h"
#include "plugins/host/worker_pool.h"

namespace direct::ctl {

/// One child and the plugins of the configuration; those beside this program when it runs from a build folder and no
/// configuration was named.
PoolOptions parser_options(const Common& common, const Settings& settings);

}  // namespace direct::ctl
