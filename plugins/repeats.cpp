// repeats.cpp - see repeats.h.
#include "plugins/repeats.h"

#include <string.h>

#include <algorithm>
#include <functional>

namespace direct {
namespace {

// Where a pattern is found from `from` on; the end of `json` when nowhere. memmem() is several times as fast as find().
std::size_t place_of(std::string_view json, std::string_view pattern, std::size_t from)
{
    const void* at = ::memmem(json.data() + from, json.size() - from, pattern.data(), pattern.size());
    return at ? static_cast<std::size_t>(static_cast<const char*>(at) - json.data()) : json.size();
}

// Behind the value that follows the colon.
std::size_t end_of_value(std::string_view json, std::size_t colon)
{
    std::size_t at = colon + 1;
    if (at < json.size() && json[at] == '"') {
        for (++at; at < json.size() && json[at] != '"'; ++at)
            if (json[at] == '\\') ++at;
        return std::min(at + 1, json.size());
    }
    while (at < json.size() && json[at] >= '0' && json[at] <= '9') ++at;
    return at;
}

// Without our members that tell where something stands. In JSON a quotation mark inside a text has a backslash before
// it, so neither pattern can be a part of a text.
std::string without_places(std::string_view json)
{
    constexpr std::string_view path = "\"path\":\"", offset = "ffset\":";
    std::string out;
    out.reserve(json.size());
    std::size_t next_path = place_of(json, path, 0), next_offset = place_of(json, offset, 0);
    for (std::size_t at = 0;;) {
        const std::size_t place = std::min(next_path, next_offset);
        out += json.substr(at, place - at);
        if (place == json.size()) return out;
        at = end_of_value(json, json.find(':', place));
        if (next_path < at) next_path = place_of(json, path, at);
        if (next_offset < at) next_offset = place_of(json, offset, at);
    }
}

}  // namespace

void Repeats::mark(JsonWriter& json, const std::string& identity, std::string_view content)
{
    if (identity.empty()) return;
    const std::size_t hash = std::hash<std::string>{}(without_places(content));
    auto& before = seen_[identity];
    const bool first = before.empty(), same = !before.insert(hash).second;
    if (!first) json.flag_field(same ? "duplicate" : "sameId", true);
}

}  // namespace direct
