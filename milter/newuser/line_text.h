// line_text.h - from a raw header value to text that may be split: unfolded, words decoded, harmful
// characters refused. Decode first, split second: separators may come out of encoded words.
// The text carries the secret answer, so it lives in a Secret. Pure functions, thread safe.
// Source: newuser manual, sections 1 and 2.
#pragma once
#include <string_view>

#include "milter/base/crypto.h"
#include "milter/base/result.h"

namespace direct {

inline constexpr std::size_t newuser_line_max = 2000;  ///< characters (code points)
inline constexpr std::size_t newuser_field_max = 255;  ///< characters of a question or answer

/// Unfolded, RFC 2047 words decoded, tabs turned to blanks, blanks at both ends removed. May be empty.
/// Fault: newuser_subject_charset, _encoding, _control, _too_long; `why` holds nothing of the value.
Result<Secret> readable_line(std::string_view raw_value);

/// Blanks at both ends removed: space and tab, and the blanks of other scripts.
std::string_view trim_blanks(std::string_view utf8);

}  // namespace direct
