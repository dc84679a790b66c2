#include "conf/settings_reader.h"

#include <algorithm>
#include <filesystem>

#include "milter/base/text.h"

namespace direct {
namespace {

// The texts of one node of settings.def's types: numbers and flags stand in the file without quotes.
struct ScalarText {
    bool ok;
    std::string text;
};

ScalarText text_of(const TomlNode& node, SettingType type)
{
    using Kind = TomlNode::Kind;
    bool zero = node.kind == Kind::number && node.number == 0;
    switch (type) {
        case SettingType::Count:
            return {node.kind == Kind::number, std::to_string(node.number)};
        case SettingType::Flag:
            return {node.kind == Kind::flag, value_text(node.flag)};
        case SettingType::Bytes:
        case SettingType::Duration:
            if (zero) return {true, "0"};
            return {node.kind == Kind::text, node.text};
        default:
            return {node.kind == Kind::text, node.text};
    }
}

std::string_view wanted(SettingType type)
{
    switch (type) {
        case SettingType::Bytes:
            return "wants a size with its unit, such as \"64M\"";
        case SettingType::Duration:
            return "wants a time with its unit, such as \"20s\"";
        case SettingType::Count:
            return "wants a whole number";
        case SettingType::Flag:
            return "wants true or false";
        case SettingType::Texts:
            return "wants a list of texts";
        default:
            return "wants text";
    }
}

template <class T>
void read_scalar(SettingsReader& reader, const ScalarRow& row, const TomlNode& node, T& out)
{
    auto found = text_of(node, row.type);
    if (!found.ok) {
        reader.fault(node.at, row.full_name() + " " + std::string(wanted(row.type)) + ", not " +
                                  std::string(name_of(node.kind)));
        return;
    }
    if (auto done = read_value(row, found.text, out); !done)
        reader.fault(node.at, row.full_name() + " " + done.error().why);
}

void read_scalar(SettingsReader& reader, const ScalarRow& row, const TomlNode& node,
                 std::vector<std::string>& out)
{
    reader.texts(node, row.full_name(), out);
}

void read_section(SettingsReader& reader, const TomlMember& section)
{
    if (!reader.is_kind(section.value, section.name, TomlNode::Kind::table)) return;
    std::vector<std::string> known;
    for (const auto& row : scalar_rows())
        if (row.section == section.name) known.emplace_back(row.name);
    for (const auto& member : section.value.members)
        if (std::find(known.begin(), known.end(), member.name) == known.end())
            reader.unknown(member.at, "name", section.name + "." + member.name, known);
    each_setting(reader.settings, [&](const ScalarRow& row, auto& out) {
        if (row.section != section.name) return;
        for (const auto& member : section.value.members) {
            if (member.name != row.name) continue;
            reader.was_set(row.full_name(), member.at);
            read_scalar(reader, row, member.value, out);
        }
    });
}

bool is_repeated_table(const std::string& name)
{
    return name == "domain" || name == "bundle" || name == "peer";
}

}  // namespace

void SettingsReader::fault(TomlPosition at, std::string_view text)
{
    faults_.push_back({at, visible(text)});
}

void SettingsReader::fault(const std::string& name, const std::string& text)
{
    auto i = set_.find(name);
    fault(i == set_.end() ? TomlPosition{} : i->second, name + " " + text);
}

void SettingsReader::unknown(TomlPosition at, std::string_view kind, std::string_view word,
                             const std::vector<std::string>& known)
{
    auto last = word.substr(word.rfind('.') == word.npos ? 0 : word.rfind('.') + 1);
    auto near = nearest(last, known);
    fault(at, "unknown " + std::string(kind) + " \"" + std::string(word) + "\"" +
                  (near ? "; nearest is \"" + *near + "\"" : "; known: " + join(known, ", ")));
}

std::string SettingsReader::absolute(const std::string& path) const
{
    if (path.empty()) return path;
    return (std::filesystem::path(folder_) / path).lexically_normal().string();
}

bool SettingsReader::is_kind(const TomlNode& node, const std::string& name, TomlNode::Kind kind)
{
    if (node.kind == kind) return true;
    fault(node.at,
          name + " wants " + std::string(name_of(kind)) + ", not " + std::string(name_of(node.kind)));
    return false;
}

bool SettingsReader::text(const TomlNode& node, const std::string& name, std::string& out)
{
    if (!is_kind(node, name, TomlNode::Kind::text)) return false;
    if (!plain_text(node.text)) {
        fault(node.at, name + " holds a control character");
        return false;
    }
    out = node.text;
    return true;
}

bool SettingsReader::choice(const TomlNode& node, const std::string& name, std::string_view words,
                            std::string& out)
{
    if (!is_kind(node, name, TomlNode::Kind::text)) return false;
    ScalarRow row{};
    row.type = SettingType::Choice;
    row.max = words;
    auto done = read_value(row, node.text, out);
    if (!done) fault(node.at, name + " " + done.error().why);
    return done.has_value();
}

bool SettingsReader::flag(const TomlNode& node, const std::string& name, bool& out)
{
    if (!is_kind(node, name, TomlNode::Kind::flag)) return false;
    out = node.flag;
    return true;
}

bool SettingsReader::texts(const TomlNode& node, const std::string& name, std::vector<std::string>& out)
{
    if (!is_kind(node, name, TomlNode::Kind::list)) return false;
    std::vector<std::string> all;
    for (const auto& item : node.items) {
        std::string one;
        if (!text(item, name, one)) return false;
        if (one.empty()) {
            fault(item.at, name + " holds an empty text");
            return false;
        }
        all.push_back(one);
    }
    out = std::move(all);
    return true;
}

std::string SettingsReader::report(const std::string& path) const
{
    auto sorted = faults_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Found& a, const Found& b) { return a.at < b.at; });
    std::vector<std::string> lines;
    for (const auto& f : sorted)
        lines.push_back(path + ":" + std::to_string(f.at.line) + ":" + std::to_string(f.at.column) + ": " +
                        f.text);
    return join(lines, "\n");
}

void read_tree(SettingsReader& reader, const TomlNode& root)
{
    std::vector<std::string> known = {"domain", "bundle", "peer"};
    for (const auto& row : scalar_rows())
        if (std::find(known.begin(), known.end(), row.section) == known.end())
            known.emplace_back(row.section);
    for (const auto& member : root.members) {
        if (std::find(known.begin(), known.end(), member.name) == known.end())
            reader.unknown(member.at, member.value.kind == TomlNode::Kind::table ? "table" : "name",
                           member.name, known);
        else if (is_repeated_table(member.name))
            read_tables(reader, member);
        else
            read_section(reader, member);
    }
    each_setting(reader.settings, [&](const ScalarRow& row, auto& out) {
        if constexpr (std::is_same_v<std::decay_t<decltype(out)>, std::string>)
            if (row.type == SettingType::Path) out = reader.absolute(out);
    });
}

}  // namespace direct
