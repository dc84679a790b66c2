// json_check.h - is this text one JSON object, and which members does it have? Asked for everything a child sends, because
// items go to the store and to pages as they are. Nothing is built. Pure functions, thread safe.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace direct {

/// Characters of one number; a longer one is none. A double has 17 digits, a time or an OID is text.
inline constexpr std::size_t json_number_max = 1024;

struct JsonFault {
    std::size_t
        at;  ///< offset of the first byte that cannot stand there; the text's size when its end is missing
    const char*
        what;  ///< "no JSON object", "no JSON", "no UTF-8", "more than 64 levels", "a number that no double
               ///< holds"
};
/// Where and why is_json_object() says no; nothing when it says yes.
std::optional<JsonFault> json_object_fault(std::string_view text);

/// RFC 8259, an object at the top, at most 64 levels, well-formed UTF-8, no escaped NUL and no lone
/// escaped surrogate, no number that a double does not hold ("1e999"). What is good here, nlohmann reads.
bool is_json_object(std::string_view text);

/// As they stand in the text, which they borrow: the name with its quotes, the value without blanks around it.
struct JsonMember {
    std::string_view name, value;
    bool is_named(std::string_view plain) const;  ///< however it is escaped
};

/// Members of the object itself, in their order. @param object  is_json_object()
std::vector<JsonMember> json_members(std::string_view object);

/// The text a member has, unescaped; "" when there is none of that name or it is no text. Of several the last one, as in
/// every reader of ours. @param object  is_json_object()
std::string json_text_member(std::string_view object, std::string_view name);

}  // namespace direct
