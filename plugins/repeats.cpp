// repeats.cpp - see repeats.h.
#include "plugins/repeats.h"

#include <algorithm>
#include <functional>

namespace direct {
namespace {

// The place of the next of our members that tell where something stands; npos when there is none. In JSON a quotation
// mark inside a text has a backslash before it, so neither pattern can be a part of a text.
std::size_t next_place(std::string_view json, std::size_t from)
{
    return std::min(json.find("\"path\":\"", from), json.find("ffset\":", from));
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

std::string without_places(std::string_view json)
{
    std::string out;
    out.reserve(json.size());
    for (std::size_t at = 0;;) {
        const std::size_t place = next_place(json, at);
        out += json.substr(at, place - at);
        if (place == json.npos) return out;
        at = end_of_value(json, json.find(':', place));
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
