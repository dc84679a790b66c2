#include "milter/notify/retry_pause.h"

#include <algorithm>

namespace direct {

milliseconds retry_pause(std::uint32_t tries, const Settings& settings)
{
    milliseconds pause = settings.reinject_retry_min;
    for (std::uint32_t i = 1; i < tries && pause < settings.reinject_retry_max; ++i) pause *= 2;
    return std::min(pause, std::max(settings.reinject_retry_max, settings.reinject_retry_min));
}

}  // namespace direct
