// clock.h - time is passed in, so that tests need no sleep and a verdict names its moment.
#pragma once
#include <chrono>
#include <string>

#include "milter/base/result.h"

namespace direct {

/// Wall-clock time in UTC, milliseconds since 1970.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Where a program takes its time from. Thread safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

/// The system's clock.
class SystemClock : public Clock {
public:
    Time now() const override
    {
        return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
    }
};

/// A clock that stands where it was put: tests, directctl --time.
class FixedClock : public Clock {
public:
    explicit FixedClock(Time t) : now_(t) {}
    Time now() const override { return now_; }
    void set(Time t) { now_ = t; }

private:
    Time now_;
};

/// "2026-11-22T03:10:00.123Z" (ISO 8601, UTC, milliseconds).
std::string iso8601(Time t);
/// Reads "2026-11-22", "2026-11-22T03:10:00Z", with fraction or offset. Fault: input.
Result<Time> parse_iso8601(std::string_view text);
/// "Sun, 22 Nov 2026 03:10:00 +0000" (RFC 5322 section 3.3).
std::string rfc5322_date(Time t);

}  // namespace direct
