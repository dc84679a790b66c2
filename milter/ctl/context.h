// context.h - what every command shares: common options, exit codes, how trouble is told.
//
// Exit codes are a promise: 0 done / yes, 1 no / refused (reason on standard output), 2 usage,
// configuration or input fault (standard error, nothing changed), 75 temporary trouble.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/base/result.h"
#include "milter/records/service.h"

namespace direct::ctl {

enum Exit : int { done = 0, refused = 1, usage = 2, later = 75 };

inline constexpr const char* default_config = "/etc/direct/direct.toml";

/// Options every command takes, and who runs it.
struct Common {
    std::string config = default_config;
    bool config_given = false;
    bool json = false;
    Time now{};     ///< --time or the system's clock
    Caller caller;  ///< before any change of user
};

/// The exit code a fault means.
int exit_of(const Fault& fault);
/// Tells the fault where it belongs (standard output when it is a refusal) and returns its exit code.
int tell(const Fault& fault);
int tell_usage(const std::string& text);
/// The last thing a command does: `exit`, or 75 when standard output did not take all that was printed (a full disk):
/// half an answer must not look like a whole one. What the command did is done.
int all_told(int exit);

using SettingsPtr = std::shared_ptr<const Settings>;
/// The configuration. Fault: configuration, every fault of the file on a line of its own.
Result<SettingsPtr> settings_of(const Common& common);
/// For commands that need none: the file when it is there or was named, else the defaults.
/// Fault: a file that was named, or is there, and is at fault.
Result<SettingsPtr> settings_or_defaults(const Common& common);

/// "2026-11-22 03:10" in UTC; "" for 1970.
std::string short_time(Time t);

}  // namespace direct::ctl
