#include "conf/settings_rows.h"

#include <charconv>

#include "milter/base/text.h"

namespace direct {
namespace {

constexpr bool yes = true, no = false;

constexpr ScalarRow rows[] = {
#define SETTING(section, name, type, def, min, max, unit, reload, doc) \
    {#section, #name, SettingType::type, #type, def, min, max, unit, reload, doc},
#include "conf/settings.def"
#undef SETTING
};

constexpr TableKeyRow key_rows[] = {
#define TABLE_KEY(table, key, shown, required, doc) {#table, #key, shown, required, doc},
#include "conf/table_keys.def"
#undef TABLE_KEY
};

auto wrong(std::string why)
{
    return fail(misconfigured(std::move(why)));
}

/// The sentence about a value outside its row's bounds.
auto out_of_range(const ScalarRow& row, std::string_view text)
{
    return wrong("must be from " + std::string(row.min) + " to " + std::string(row.max) + ", not " +
                 std::string(text));
}

// Reads text and bounds with the same function, so that they cannot be spelled differently.
template <class T, class Read>
Status read_bounded(const ScalarRow& row, std::string_view text, T& out, Read read)
{
    auto value = read(text);
    if (!value) return fail(std::move(value).error());
    if (!row.min.empty() && *value < *read(row.min)) return out_of_range(row, text);
    if (!row.max.empty() && *value > *read(row.max)) return out_of_range(row, text);
    out = *value;
    return Done{};
}

Result<setting::Bytes> size_of(std::string_view text)
{
    // The base reader ends at G; a store is measured in T.
    std::string in_g(text);
    bool tera = in_g.ends_with('T');
    if (tera) in_g.back() = 'G';
    auto v = parse_bytes(in_g);
    bool fits = v && (!tera || *v <= UINT64_MAX / 1024);
    if (!fits) return wrong("wants a size with its unit, such as \"64M\"");
    return tera ? *v * 1024 : *v;
}

Result<setting::Count> count_of(std::string_view text)
{
    setting::Count v = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || end != text.data() + text.size()) return wrong("wants a whole number");
    return v;
}

}  // namespace

std::span<const ScalarRow> scalar_rows()
{
    return rows;
}
std::span<const TableKeyRow> table_key_rows()
{
    return key_rows;
}

std::string value_text(setting::Bytes v)
{
    const char* unit = "B";
    for (auto bigger : {"K", "M", "G", "T"}) {
        if (v == 0 || v % 1024) break;
        v /= 1024;
        unit = bigger;
    }
    return v == 0 ? "0" : std::to_string(v) + unit;
}

std::string value_text(milliseconds value)
{
    auto v = value.count();
    if (v == 0) return "0";
    if (v % 1000) return std::to_string(v) + "ms";
    v /= 1000;
    const char* unit = "s";
    struct Step {
        int of;
        const char* unit;
    };
    for (auto step : {Step{60, "m"}, Step{60, "h"}, Step{24, "d"}}) {
        if (v % step.of) break;
        v /= step.of;
        unit = step.unit;
    }
    return std::to_string(v) + unit;
}

std::string value_text(setting::Count v)
{
    return std::to_string(v);
}
std::string value_text(bool v)
{
    return v ? "true" : "false";
}
std::string value_text(const std::string& v)
{
    return v;
}
std::string value_text(const std::vector<std::string>& v)
{
    return join(v, ", ");
}

std::vector<std::string> choice_words(std::string_view max)
{
    std::vector<std::string> words;
    for (auto w : split(max, '|')) words.emplace_back(w);
    return words;
}

Status read_value(const ScalarRow& row, std::string_view text, setting::Bytes& out)
{
    return read_bounded(row, text, out, size_of);
}

Status read_value(const ScalarRow& row, std::string_view text, milliseconds& out)
{
    return read_bounded(row, text, out, duration_of);
}

Status read_value(const ScalarRow& row, std::string_view text, setting::Count& out)
{
    return read_bounded(row, text, out, count_of);
}

Status read_value(const ScalarRow&, std::string_view text, bool& out)
{
    if (text != "true" && text != "false") return wrong("wants true or false");
    out = text == "true";
    return Done{};
}

Status read_value(const ScalarRow& row, std::string_view text, std::string& out)
{
    if (!plain_text(text)) return wrong("holds a control character");
    if (row.type == SettingType::Path && text.empty()) return wrong("wants a path");
    if (row.type == SettingType::Choice) {
        auto words = choice_words(row.max);
        bool known = false;
        for (const auto& w : words) known = known || w == text;
        if (!known) {
            auto near = nearest(text, words);
            return wrong("wants one of " + join(words, ", ") + ", not \"" + std::string(text) + "\"" +
                         (near ? " (nearest: " + *near + ")" : ""));
        }
    }
    out = text;
    return Done{};
}

Status read_value(const ScalarRow&, std::string_view text, std::vector<std::string>& out)
{
    out.clear();
    if (text.empty()) return Done{};
    for (auto part : split(text, ',')) out.emplace_back(trim(part));
    return Done{};
}

Result<milliseconds> duration_of(std::string_view text)
{
    if (text == "0") return milliseconds(0);
    auto v = parse_duration_ms(text);
    if (!v) return wrong("wants a time with its unit, such as \"20s\", \"15m\", \"24h\" or \"30d\"");
    return milliseconds(*v);
}

bool plain_text(std::string_view text)
{
    if (!valid_utf8(text)) return false;
    for (unsigned char c : text)
        if (c < 0x20 || c == 0x7f) return false;
    return true;
}

}  // namespace direct
