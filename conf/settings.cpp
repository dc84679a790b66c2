#include "conf/settings.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "conf/settings_reader.h"
#include "conf/tool_settings.h"
#include "milter/base/text.h"

namespace direct {
namespace {

/// A configuration larger than this is not one.
constexpr std::size_t configuration_max = 4 << 20;

std::string absolute_path(const std::string& path)
{
    std::error_code error;
    auto absolute = std::filesystem::absolute(path, error);
    return error ? path : absolute.lexically_normal().string();
}

std::string host_name()
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0 || !*name) return "localhost";
    return ascii_lower(name);
}

template <class T>
auto find_by(const std::vector<T>& all, std::string T::*name, std::string_view wanted) -> const T*
{
    auto i = std::find_if(all.begin(), all.end(), [&](const T& t) { return t.*name == wanted; });
    return i == all.end() ? nullptr : &*i;
}

std::string doc_of(const std::string& table_value)
{
    auto table = table_value.substr(0, table_value.find('.'));
    auto key = table_value.substr(table_value.rfind('.') + 1);
    for (const auto& row : table_key_rows())
        if (row.table == table && row.key == key) return std::string(row.doc);
    return "";
}

}  // namespace

const DomainSettings* Settings::domain(std::string_view normal_name) const
{
    return find_by(domains, &DomainSettings::name, normal_name);
}

const PeerSettings* Settings::peer(std::string_view normal_name) const
{
    return find_by(peers, &PeerSettings::domain, normal_name);
}

std::string report_domain_of(const Settings& settings)
{
    return settings.reinject_report_domain.empty() ? "direct-report." + host_name()
                                                   : settings.reinject_report_domain;
}

std::string authserv_id_of(const Settings& settings)
{
    return settings.milter_authserv_id.empty() ? host_name() : settings.milter_authserv_id;
}

Settings default_settings()
{
    Settings settings{};
    // A default outside its own bounds is a fault of settings.def; a test reads every one.
    each_setting(settings,
                 [](const ScalarRow& row, auto& out) { (void)read_value(row, row.default_value, out); });
    return settings;
}

namespace {
Result<std::shared_ptr<const Settings>> read_settings(std::string_view toml, const std::string& path,
                                                      bool wants_domain)
{
    TRY(auto root, parse_toml(toml, path));
    auto settings = std::make_shared<Settings>(default_settings());
    settings->file = absolute_path(path);
    SettingsReader reader(*settings, std::filesystem::path(settings->file).parent_path().string());
    reader.wants_domain = wants_domain;
    read_tree(reader, root);
    check_settings(reader);
    if (reader.faulty()) return fail(misconfigured(reader.report(path)));
    for (const auto& [name, at] : reader.places())
        settings->origins[name] = settings->file + ":" + std::to_string(at.line);
    return settings;
}
}  // namespace

Result<std::shared_ptr<const Settings>> parse_settings(std::string_view toml, const std::string& path)
{
    return read_settings(toml, path, true);
}

Result<std::shared_ptr<const Settings>> load_settings(const std::string& path)
{
    TRY(auto text, read_whole_file(path, configuration_max));
    return parse_settings(text, path);
}

Result<std::shared_ptr<const Settings>> load_tool_settings(const std::string& path)
{
    TRY(auto text, read_whole_file(path, configuration_max));
    return read_settings(text, path, false);
}

std::vector<SettingRow> describe(const Settings& settings)
{
    std::vector<SettingRow> all;
    auto origin_of = [&](const std::string& name) {
        auto i = settings.origins.find(name);
        return i == settings.origins.end() ? std::string("default") : i->second;
    };
    auto defaults = default_settings();
    std::vector<std::string> default_values;
    each_setting(defaults, [&](const ScalarRow&, auto& v) { default_values.push_back(value_text(v)); });
    each_setting(settings, [&](const ScalarRow& row, const auto& v) {
        SettingRow r{row.full_name(), value_text(v), origin_of(row.full_name())};
        r.default_value = default_values[all.size()];
        r.changed = r.value != r.default_value;
        r.reload = row.reload;
        r.type = row.type_word;
        r.min = row.min;
        r.max = row.max;
        r.unit = row.unit;
        r.doc = row.doc;
        all.push_back(std::move(r));
    });
    for (auto& value : table_values(settings)) {
        if (!settings.origins.contains(value.name)) continue;
        SettingRow r{value.name, value.value, origin_of(value.name)};
        r.changed = r.reload = true;
        r.doc = doc_of(value.name);
        all.push_back(std::move(r));
    }
    return all;
}

std::vector<std::string> needs_restart(const Settings& before, const Settings& after)
{
    std::vector<std::string> old_values, names;
    each_setting(before, [&](const ScalarRow&, const auto& v) { old_values.push_back(value_text(v)); });
    std::size_t i = 0;
    each_setting(after, [&](const ScalarRow& row, const auto& v) {
        if (value_text(v) != old_values[i++] && !row.reload) names.push_back(row.full_name());
    });
    return names;
}

}  // namespace direct
