#include "milter/ctl/context.h"

#include <unistd.h>

#include <cstdio>

namespace direct::ctl {

int exit_of(const Fault& fault)
{
    if (fault.reason == Reason::configuration || fault.reason == Reason::input) return usage;
    return fault.retry == Retry::later ? later : refused;
}

int tell(const Fault& fault)
{
    int exit = exit_of(fault);
    if (exit == refused)
        std::printf("refused: %s\n", fault.why.c_str());
    else
        std::fprintf(stderr, "directctl: %s\n", fault.why.c_str());
    return exit;
}

int tell_usage(const std::string& text)
{
    std::fprintf(stderr, "directctl: %s\n", text.c_str());
    return usage;
}

int all_told(int exit)
{
    if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return exit;
    std::fprintf(stderr, "directctl: standard output did not take everything\n");
    return exit == done || exit == refused ? static_cast<int>(later) : exit;
}

Result<SettingsPtr> settings_of(const Common& common)
{
    if (::access(common.config.c_str(), F_OK) != 0)
        return fail(misconfigured(common.config + ": there is no such file (directctl init makes one)"));
    return load_settings(common.config);
}

Result<SettingsPtr> settings_or_defaults(const Common& common)
{
    // A file that may not be read is as good as none for these commands.
    if (!common.config_given && ::access(common.config.c_str(), R_OK) != 0)
        return std::make_shared<const Settings>(default_settings());
    return settings_of(common);
}

std::string short_time(Time t)
{
    if (t == Time{}) return "";
    auto text = iso8601(t);
    return text.substr(0, 10) + " " + text.substr(11, 5);
}

}  // namespace direct::ctl
