#include "milter/ctl/parsers.h"

#include <unistd.h>

#include <filesystem>

#include "conf/tool_settings.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

bool is_set(const Settings& settings, const char* name)
{
    return settings.origins.contains(name);
}

void find_plugins(const Common& common, const Settings& settings, PoolOptions& options)
{
    options.worker = settings.plugins_worker;
    options.plugins = settings.plugins_path;
    std::error_code ignored;
    auto self = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    auto beside = self / "direct-parse", folder = self.parent_path() / "lib/direct/plugins";
    bool built = fs::exists(beside, ignored) && fs::is_directory(folder, ignored);
    if (!built) return;
    // What somebody wrote down is used or is a fault; it is not quietly something else.
    const auto take_ours = [&](const char* setting, const std::string& path) {
        return !common.config_given || (!is_set(settings, setting) && !fs::exists(path, ignored));
    };
    if (take_ours("plugins.worker", options.worker)) options.worker = beside;
    if (take_ours("plugins.path", options.plugins)) options.plugins = folder;
}

}  // namespace

PoolOptions parser_options(const Common& common, const Settings& settings, const std::string& plugins)
{
    PoolOptions options;
    find_plugins(common, settings, options);
    std::error_code ignored;
    if (!plugins.empty()) options.plugins = fs::absolute(plugins, ignored).lexically_normal();
    options.children = 1;
    options.budget = settings.plugins_parse_budget;
    options.memory = settings.plugins_memory;
    options.document_max = settings.plugins_document_max;
    options.items_max = static_cast<std::uint64_t>(settings.plugins_items_max);
    return options;
}

Result<SettingsPtr> parser_settings(const Common& common)
{
    // A file that may not be read is as good as none, unless it was named.
    if (!common.config_given && ::access(common.config.c_str(), R_OK) != 0)
        return std::make_shared<const Settings>(default_settings());
    if (::access(common.config.c_str(), F_OK) != 0) return settings_of(common);
    return load_tool_settings(common.config);
}

}  // namespace direct::ctl
