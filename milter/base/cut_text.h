// cut_text.h - a text that others have a say in, no longer than a log line or an audit entry has room for. Pure.
#pragma once
#include <string>
#include <string_view>

namespace direct {

/// The text, or its beginning and "..." of together `max` bytes; never cut within a UTF-8 sequence.
/// @param max  more than 3
std::string cut_text(std::string_view text, std::size_t max);

}  // namespace direct
