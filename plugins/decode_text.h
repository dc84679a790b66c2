// decode_text.h - bytes of an encoding that is known, made UTF-8. Pure functions, thread safe; nothing throws but bad_alloc.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace direct {

/// What is no character becomes '?' and is added to `bad`, so is half a unit at the end, which is left out.
std::string from_utf16(std::string_view bytes, bool little, std::size_t& bad);
/// windows-1252, or with `latin9` ISO-8859-15. What is no character becomes '?' and is added to `bad`.
std::string from_8_bit(std::string_view bytes, bool latin9, std::size_t& bad);
/// Every byte that is no part of a well-formed sequence becomes '?'; the length stays. Returns how many.
std::size_t mend_utf8(std::string& s);
/// Words in an 8-bit encoding whose name nobody told: most of its letters and dashes stand alone between ASCII. What
/// begins like a sequence and goes on like one is UTF-8, though it may be damaged, and so is what the end cuts.
bool looks_8_bit(std::string_view bytes);

}  // namespace direct
