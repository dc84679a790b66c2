// json_check.h - is this text one JSON object? Asked for everything a child sends, because items go to
// the store and to pages as they are. Nothing is built. Pure function, thread safe.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace direct {

struct JsonFault {
    std::size_t
        at;  ///< offset of the first byte that cannot stand there; the text's size when its end is missing
    const char* what;  ///< "no JSON object", "no JSON", "no UTF-8", "more than 64 levels"
};
/// Where and why is_json_object() says no; nothing when it says yes.
std::optional<JsonFault> json_object_fault(std::string_view text);

/// RFC 8259, an object at the top, at most 64 levels, well-formed UTF-8, no escaped NUL and no lone
/// escaped surrogate.
bool is_json_object(std::string_view text);

}  // namespace direct
