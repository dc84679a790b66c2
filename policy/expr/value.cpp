#include "policy/expr/value.h"

#include <cstring>
#include <new>

#include "milter/base/log.h"

namespace direct::expr {

std::string_view Arena::keep(std::string_view text)
{
    if (text.empty()) return {};
    auto* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

std::span<const std::string_view> Arena::keep(const std::vector<std::string>& texts)
{
    if (texts.empty()) return {};
    auto* views = static_cast<std::string_view*>(
        memory_.allocate(texts.size() * sizeof(std::string_view), alignof(std::string_view)));
    for (std::size_t i = 0; i < texts.size(); ++i) new (views + i) std::string_view(keep(texts[i]));
    return {views, texts.size()};
}

std::span<Value> Arena::values(std::size_t count)
{
    if (count == 0) return {};
    auto* all = static_cast<Value*>(memory_.allocate(count * sizeof(Value), alignof(Value)));
    for (std::size_t i = 0; i < count; ++i) new (all + i) Value();
    return {all, count};
}

std::string shown(const Value& value)
{
    // A certificate is a stranger's: what is shown may not forge a line, nor fill the screen.
    constexpr std::size_t shown_entries = 50;
    auto quoted = [](std::string_view text) { return "\"" + log_quote(text) + "\""; };
    switch (value.kind) {
        case Kind::integer:
            return std::to_string(value.number);
        case Kind::boolean:
            return value.boolean ? "true" : "false";
        case Kind::text:
            return quoted(value.text);
        case Kind::list:
            break;
    }
    std::string out = "[";
    for (std::size_t i = 0; i < value.list.size() && i < shown_entries; ++i)
        out += (i ? ", " : "") + quoted(value.list[i]);
    if (value.list.size() > shown_entries)
        out += ", and " + std::to_string(value.list.size() - shown_entries) + " more";
    return out + "]";
}

}  // namespace direct::expr
