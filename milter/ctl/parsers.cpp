#include "milter/ctl/parsers.h"

#include <filesystem>

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

void find_plugins(const Common& common, const Settings& settings, PoolOptions& options)
{
    options.worker = settings.plugins_worker;
    options.plugins = settings.plugins_path;
    std::error_code ignored;
    auto self = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    auto beside = self / "direct-parse", folder = self.parent_path() / "lib/direct/plugins";
    bool built = fs::exists(beside, ignored) && fs::is_directory(folder, ignored);
    if (!built) return;
    if (!common.config_given || !fs::exists(options.worker, ignored)) options.worker = beside;
    if (!common.config_given || !fs::is_directory(options.plugins, ignored)) options.plugins = folder;
}

}  // namespace

PoolOptions parser_options(const Common& common, const Settings& settings)
{
    PoolOptions options;
    find_plugins(common, settings, options);
    options.children = 1;
    options.budget = settings.plugins_parse_budget;
    options.memory = settings.plugins_memory;
    options.document_max = settings.plugins_document_max;
    options.items_max = static_cast<std::uint64_t>(settings.plugins_items_max);
    return options;
}

}  // namespace direct::ctl
