// clock_watch.h - tells when the system's clock cannot be believed.
//
// Verdicts and deletions go by the wall clock. When it jumps (a board without its battery, a virtual machine set
// back, a typing mistake), certificates look expired and records overdue: mail would be refused for good and
// health data deleted. So the wall clock is held against one that cannot jump. After a jump of more than
// jump_max mail is answered 4xx and nothing is deleted, until the clock is back, or has gone on from its new
// time for settle_time (a machine that was suspended: the new time is the right one), or the administrator says
// so by a reload. A clock that is wrong from the start of the process is not seen. Thread safe.
#pragma once
#include <chrono>
#include <functional>
#include <mutex>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

class ClockWatch {
public:
    /// A jump is more than this: below it no certificate's or record's time is told wrong by a day.
    static constexpr std::chrono::hours jump_max{6};
    /// So long a clock goes on from its new time until that counts as right.
    static constexpr std::chrono::hours settle_time{1};

    using Steady = std::function<std::chrono::nanoseconds()>;
    /// @param clock   the wall clock; borrowed
    /// @param steady  time that goes on through suspension and is never set; tests give their own
    explicit ClockWatch(const Clock& clock, Steady steady = boot_time);
    /// Done, or a temporary Fault while the clock cannot be believed. Each change is a line of the log.
    Status check();
    /// The time of now is right: start, and a reload.
    void believe();

private:
    static std::chrono::nanoseconds boot_time();
    void anchor(Time wall, std::chrono::nanoseconds steady);
    const Clock& clock_;
    const Steady steady_;
    std::mutex lock_;
    Time wall_{};  ///< the pair that was right when it was last looked at
    std::chrono::nanoseconds steady_at_{};
    bool jumped_ = false;
    Time jumped_wall_{};  ///< the same pair for the time after the jump
    std::chrono::nanoseconds jumped_at_{}, jumped_since_{};
};

}  // namespace direct
