// retry_pause.h - how long to wait after a try that failed for now.
#pragma once
#include <cstdint>

#include "conf/settings.h"

namespace direct {

/// Nothing is given up before so many tries, whatever the clock says: after a jump of years forward, or a week without
/// power, the first failure must not be the last. Far more than reinject.retry_max doublings.
inline constexpr std::uint32_t tries_min = 10;

/// reinject.retry_min after the first try, doubled with each, at most reinject.retry_max.
/// @param tries  made so far, 1 or more
milliseconds retry_pause(std::uint32_t tries, const Settings& settings);

}  // namespace direct
