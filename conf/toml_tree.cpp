// toml_tree.cpp - the only file that includes toml++. Its exceptions end here.
#include "conf/toml_tree.h"

#include <toml++/toml.h>
#include <algorithm>
#include <exception>

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

Result<TomlNode> parse_toml(std::string_view text, const std::string& path)
{
    try {
        auto table = toml::parse(text);
        return convert(table);
    } catch (const toml::parse_error& e) {
        auto at = position(e.source());
        return fail(misconfigured(path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                                  ": " + std::string(e.description())));
    } catch (const std::exception& e) {
        return fail(misconfigured(path + ":1:1: " + e.what()));
    }
}

}  // namespace direct
