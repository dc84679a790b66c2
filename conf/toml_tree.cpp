// toml_tree.cpp - the only file that includes toml++. Its exceptions end here.
#include "conf/toml_tree.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "milter/base/text.h"

// toml++ 3.3 asserts, and in a release build assumes, that a key follows "[": other text there would abort
// or be undefined behaviour. Its assertions become an exception in every kind of build.
namespace direct {
struct TomlNotUnderstood : std::logic_error {
    using std::logic_error::logic_error;
};
[[noreturn]] static void not_understood()
{
    throw TomlNotUnderstood("no TOML, for example \"[\" without a name");
}
}  // namespace direct
// clang-format off
#undef NDEBUG
#define TOML_ASSERT(expr) do { if (!(expr)) ::direct::not_understood(); } while (false)
#include <toml++/toml.h>
// clang-format on

namespace direct {
namespace {

TomlPosition position(const toml::source_region& region)
{
    if (!region.begin) return {};
    return {region.begin.line, region.begin.column};
}

TomlNode convert(const toml::node& from)
{
    TomlNode to;
    to.at = position(from.source());
    if (auto table = from.as_table()) {
        to.kind = TomlNode::Kind::table;
        for (const auto& [key, value] : *table)
            to.members.push_back({std::string(key.str()), position(key.source()), convert(value)});
        std::stable_sort(to.members.begin(), to.members.end(),
                         [](const TomlMember& a, const TomlMember& b) { return a.at < b.at; });
    } else if (auto list = from.as_array()) {
        to.kind = TomlNode::Kind::list;
        for (const auto& item : *list) to.items.push_back(convert(item));
    } else if (auto text = from.as_string()) {
        to.kind = TomlNode::Kind::text;
        to.text = text->get();
    } else if (auto number = from.as_integer()) {
        to.kind = TomlNode::Kind::number;
        to.number = number->get();
    } else if (auto flag = from.as_boolean()) {
        to.kind = TomlNode::Kind::flag;
        to.flag = flag->get();
    }
    return to;
}

bool understood(std::string_view text)
{
    try {
        (void)toml::parse(text);
    } catch (const TomlNotUnderstood&) {
        return false;
    } catch (const std::exception&) {
    }
    return true;
}

/// The line at which toml++ gives up without a position: the first whose end makes a text not understood.
unsigned line_not_understood(std::string_view text)
{
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == '\n') ends.push_back(at + 1);
    auto first = std::partition_point(ends.begin(), ends.end(),
                                      [&](std::size_t end) { return understood(text.substr(0, end)); });
    return static_cast<unsigned>(first - ends.begin()) + 1;
}

std::string at_line(const std::string& path, unsigned line, unsigned column, std::string_view what)
{
    return path + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + visible(what);
}

}  // namespace

std::string_view name_of(TomlNode::Kind kind)
{
    switch (kind) {
        case TomlNode::Kind::table:
            return "a table";
        case TomlNode::Kind::list:
            return "a list";
        case TomlNode::Kind::text:
            return "text";
        case TomlNode::Kind::number:
            return "a number";
        case TomlNode::Kind::flag:
            return "true or false";
        case TomlNode::Kind::other:
            break;
    }
    return "a fraction, date or time";
}

std::string visible(std::string_view text)
{
    bool utf8 = valid_utf8(text);
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f && (byte < 0x80 || utf8))
            out += c;
        else
            out += "\\x" + hex({&c, 1});
    }
    return out;
}

Result<TomlNode> parse_toml(std::string_view text, const std::string& path)
{
    try {
        auto table = toml::parse(text);
        return convert(table);
    } catch (const toml::parse_error& e) {
        auto at = position(e.source());
        return fail(misconfigured(at_line(path, at.line, at.column, e.description())));
    } catch (const TomlNotUnderstood& e) {
        return fail(misconfigured(at_line(path, line_not_understood(text), 1, e.what())));
    } catch (const std::exception& e) {
        return fail(misconfigured(at_line(path, 1, 1, e.what())));
    }
}

}  // namespace direct
