// settings_reader.h - what is known while a configuration is read: faults so far, and where things stood.
//
// Inside conf/ only. A reader notes every fault and goes on, so that an admin sees all of them at once.
// One reader per file; not thread safe.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings_rows.h"
#include "conf/toml_tree.h"

namespace direct {

class SettingsReader {
public:
    SettingsReader(Settings& into, std::string folder) : settings(into), folder_(std::move(folder)) {}

    Settings& settings;
    bool wants_domain = true;  ///< a file without a [[domain]] is at fault

    void fault(TomlPosition at, std::string_view text);
    /// A fault about a setting by its full name ("domain.1.newuser"), at the place where it was set.
    void fault(const std::string& name, const std::string& text);
    /// "unknown <kind> "<word>", nearest is ..."
    void unknown(TomlPosition at, std::string_view kind, std::string_view word,
                 const std::vector<std::string>& known);

    /// Notes where a setting was set.
    void was_set(const std::string& name, TomlPosition at) { set_.emplace(name, at); }
    bool is_set(const std::string& name) const { return set_.contains(name); }

    /// Absolute, relative to the configuration's folder. "" stays "".
    std::string absolute(const std::string& path) const;

    // Values of one kind; on a fault (noted with `name` in front) nothing is written. Texts hold no
    // control characters.
    bool text(const TomlNode& node, const std::string& name, std::string& out);
    bool choice(const TomlNode& node, const std::string& name, std::string_view words, std::string& out);
    bool flag(const TomlNode& node, const std::string& name, bool& out);
    bool texts(const TomlNode& node, const std::string& name, std::vector<std::string>& out);
    bool is_kind(const TomlNode& node, const std::string& name, TomlNode::Kind kind);

    const std::map<std::string, TomlPosition>& places() const { return set_; }
    bool faulty() const { return !faults_.empty(); }
    /// All faults, "PATH:LINE:COLUMN: text", in the order of the file.
    std::string report(const std::string& path) const;

private:
    struct Found {
        TomlPosition at;
        std::string text;
    };
    std::string folder_;
    std::vector<Found> faults_;
    std::map<std::string, TomlPosition> set_;
};

/// Reads a file's whole tree into reader.settings: scalars, then tables. Faults are noted in the reader.
void read_tree(SettingsReader& reader, const TomlNode& root);
/// [[domain]], [[bundle]], [[peer]].
void read_tables(SettingsReader& reader, const TomlMember& table);
/// What only several settings together can get wrong.
void check_settings(SettingsReader& reader);

/// One key of a table as it stands in the settings, for directctl settings.
struct TableValue {
    std::string name;  ///< "domain.1.newuser"
    std::string value;
};
std::vector<TableValue> table_values(const Settings& settings);
/// The keys that the reader of [[table]] knows, in the order of table_keys.def.
std::vector<std::string> keys_read(std::string_view table);

}  // namespace direct
