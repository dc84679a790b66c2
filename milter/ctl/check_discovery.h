// check_discovery.h - what directctl check says about where partners' certificates are looked for: does the DNS answer,
// do the directories that our own domains name. Asks the network, within check_discovery_time; changes nothing.
#pragma once
#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/ctl/findings.h"

namespace direct::ctl {

/// All of it together, whatever the settings allow a message.
inline constexpr milliseconds check_discovery_time{10000};

void check_discovery(const Settings& settings, Findings& findings);

}  // namespace direct::ctl
