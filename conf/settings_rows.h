// settings_rows.h - settings.def and table_keys.def as tables; one value as text and back.
//
// Inside conf/ only. Everything made from the lists (parser, describe, sample, manual) walks these
// rows, so that a new setting is one line in a .def file. Pure functions, thread safe.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"

namespace direct {

enum class SettingType { Bytes, Duration, Count, Flag, Text, Path, Choice, Texts };

/// One line of settings.def.
struct ScalarRow {
    std::string_view section, name;
    SettingType type;
    std::string_view type_word, default_value, min, max, unit;
    bool reload;
    std::string_view doc;

    std::string full_name() const { return std::string(section) + "." + std::string(name); }
};
std::span<const ScalarRow> scalar_rows();

/// One line of table_keys.def: a key of [[domain]], [[bundle]] or [[peer]].
struct TableKeyRow {
    std::string_view table, key;
    std::string_view shown;  ///< the default, or an example where there is none, as TOML
    bool required;
    std::string_view doc;
};
std::span<const TableKeyRow> table_key_rows();

/// Calls f(row, member) for every scalar setting, in the order of settings.def.
template <class S, class F>
void each_setting(S& settings, F&& f)
{
    auto row = scalar_rows().begin();
#define SETTING(section, name, type, def, min, max, unit, reload, doc) f(*row++, settings.section##_##name);
#include "conf/settings.def"
#undef SETTING
}

/// Values as a person writes them: "64M", "20s", "true", "a, b".
std::string value_text(setting::Bytes v);
std::string value_text(milliseconds v);
std::string value_text(setting::Count v);
std::string value_text(bool v);
std::string value_text(const std::string& v);
std::string value_text(const std::vector<std::string>& v);

/// The words of a Choice: "a|b" -> a, b.
std::vector<std::string> choice_words(std::string_view max);

/// Reads one value from its text and holds it against the row's bounds; on a fault `out` is untouched.
/// Fault: configuration, the sentence that follows the setting's name.
Status read_value(const ScalarRow& row, std::string_view text, setting::Bytes& out);
Status read_value(const ScalarRow& row, std::string_view text, milliseconds& out);
Status read_value(const ScalarRow& row, std::string_view text, setting::Count& out);
Status read_value(const ScalarRow& row, std::string_view text, bool& out);
Status read_value(const ScalarRow& row, std::string_view text, std::string& out);
/// Comma-separated: only defaults are spelled so.
Status read_value(const ScalarRow& row, std::string_view text, std::vector<std::string>& out);

/// A duration with its unit, or "0".
Result<milliseconds> duration_of(std::string_view text);

/// Text that may stand in a header, a log line or a file name: UTF-8 without control characters.
bool plain_text(std::string_view text);

}  // namespace direct
