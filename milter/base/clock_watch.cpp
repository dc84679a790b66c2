// clock_watch.cpp - see clock_watch.h.
#include "milter/base/clock_watch.h"

#include <syslog.h>
#include <time.h>

#include "milter/base/log.h"
#include "milter/base/metrics.h"

namespace direct {
namespace {

/// How far the wall clock is from where the steady one says it should be; always positive.
milliseconds off_by(Time then, std::chrono::nanoseconds steady_then, Time now,
                    std::chrono::nanoseconds steady)
{
    const Time expected = then + std::chrono::duration_cast<milliseconds>(steady - steady_then);
    return std::chrono::abs(now - expected);
}

}  // namespace

std::chrono::nanoseconds ClockWatch::boot_time()
{
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

ClockWatch::ClockWatch(const Clock& clock, Steady steady) : clock_(clock), steady_(std::move(steady))
{
    believe();
}

void ClockWatch::anchor(Time wall, std::chrono::nanoseconds steady)
{
    wall_ = wall;
    steady_at_ = steady;
    jumped_ = false;
}

void ClockWatch::believe()
{
    const std::lock_guard hold(lock_);
    anchor(clock_.now(), steady_());
}

Status ClockWatch::check()
{
    const std::lock_guard hold(lock_);
    const Time now = clock_.now();
    const auto steady = steady_();
    const bool was_jumped = jumped_;
    if (off_by(wall_, steady_at_, now, steady) <= jump_max) {
        if (was_jumped)
            LogLine(LOG_NOTICE, "", "clock").with("what", "right again").with("now", iso8601(now));
        anchor(now, steady);  // small corrections do not add up to a jump
        return Done{};
    }
    if (!was_jumped || off_by(jumped_wall_, jumped_at_, now, steady) > jump_max) {
        LogLine(LOG_CRIT, "", "clock")
            .with("what",
                  "has jumped; mail is answered 4xx and nothing expires until it is right or a reload")
            .with("before", iso8601(wall_))
            .with("now", iso8601(now));
        count(Metric::clock_jumps_total);
        jumped_ = true;
        jumped_since_ = steady;
    } else if (steady - jumped_since_ >= settle_time) {
        LogLine(LOG_WARNING, "", "clock").with("what", "the new time is believed").with("now", iso8601(now));
        anchor(now, steady);
        return Done{};
    }
    jumped_wall_ = now;
    jumped_at_ = steady;
    return fail(temporary("the system clock has jumped"));
}

}  // namespace direct
