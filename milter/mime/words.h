// words.h - text in header fields: unfolding, comments, quoted strings, charsets, encoded words.
// Every function is linear in its input. Faults: malformed. Pure functions, thread safe.
// Source: RFC 5322 section 3.2, RFC 2047, RFC 2231 section 5.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "milter/base/result.h"

namespace direct {

/// Without the line ends of folding, white space at both ends cut off.
std::string unfold(std::string_view raw_value);

/// Takes white space, line ends and comments (nested, with quoted pairs) off the front.
/// False: a comment is not closed.
bool skip_comments(std::string_view& s);

/// Takes a quoted string off the front and returns its content; nothing when there is none or it is
/// not closed.
std::optional<std::string> take_quoted(std::string_view& s);

/// The value without comments, unfolded and trimmed: "base64 (really)" -> "base64". Nothing when a
/// comment or quoted string is not closed. Quoted strings are kept as written.
std::optional<std::string> without_comments(std::string_view raw_value);

/// Bytes of a named charset as UTF-8. Only charsets from a fixed list of those met in mail are taken:
/// a stranger does not choose which converter is loaded. Fault: malformed.
Result<std::string> to_utf8(std::string_view bytes, std::string_view charset);

/// A value of one line broken before blanks so that lines stay near 76 characters; words longer than
/// that stay whole.
std::string fold_text(std::string_view text, std::size_t column);

/// A header value as it may be written: printable ASCII stays as it is, anything else becomes encoded
/// words of at most 75 characters; lines are folded with CRLF and a blank. Control characters become
/// blanks, so nothing can end the field early. Invalid UTF-8 becomes question marks.
/// @param column  characters before the value on its first line ("Subject: " = 9)
std::string encode_text(std::string_view utf8, std::size_t column);

}  // namespace direct
