// json_check.h - is this text one JSON object? Asked for everything a child sends, because items go to
// the store and to pages as they are. Nothing is built. Pure function, thread safe.
#pragma once
#include <string_view>

namespace direct {

/// RFC 8259, an object at the top, at most 64 levels, well-formed UTF-8, no escaped NUL and no lone
/// escaped surrogate.
bool is_json_object(std::string_view text);

}  // namespace direct
