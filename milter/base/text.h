// text.h - small things about bytes and text that several rooms need. Pure functions, thread safe.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"

namespace direct {

/// ASCII only; the locale is never asked.
std::string ascii_lower(std::string_view s);
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view s);  ///< blanks, tab, CR, LF at both ends
std::vector<std::string_view> split(std::string_view s, char at);
std::string join(const std::vector<std::string>& parts, std::string_view between);

/// Well-formed UTF-8 without surrogates and overlong forms (RFC 3629).
bool valid_utf8(std::string_view s);
/// Length of the well-formed sequence that begins at s[at], 1 to 4; 0 when there is none. at < s.size().
std::size_t utf8_sequence(std::string_view s, std::size_t at);
/// Number of code points of well-formed UTF-8.
std::size_t count_code_points(std::string_view utf8);
/// NFKC and full case folding (GLib). Empty when the input is not UTF-8.
std::string nfkc_casefold(std::string_view utf8);

std::string hex(std::string_view bytes);           ///< lower case
Result<std::string> unhex(std::string_view text);  ///< Fault: input
/// Base64 (RFC 4648). `line` > 0 breaks with CRLF after that many characters (a multiple of 4).
std::string base64(std::string_view bytes, std::size_t line = 0);
/// Table-driven decoder. White space is skipped; any other foreign byte, wrong padding or text after
/// padding is Fault malformed. At least 200 MB/s: messages pass through it.
Result<std::string> unbase64(std::string_view text);

/// LF, bare CR and CRLF become CRLF. Returns the input's copy unchanged when it is canonical already.
std::string to_crlf(std::string_view text);
bool is_canonical_crlf(std::string_view text);

/// The nearest of `known` by edit distance, when near enough to be a slip of the finger.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

/// "25M" -> 26214400; units B K M G (powers of 1024) required unless the number is 0. Fault: input.
Result<std::uint64_t> parse_bytes(std::string_view text);
/// "90s" "15m" "24h" "30d" "500ms" -> milliseconds. Fault: input.
Result<std::int64_t> parse_duration_ms(std::string_view text);

/// Whole file, at most `max` bytes. Fault: configuration, naming file and errno text.
Result<std::string> read_whole_file(const std::string& path, std::size_t max);
/// Temporary name, write, fsync, rename, fsync of the directory: after a crash the old or the new file
/// is there, never a half one. Mode applies from the first byte.
Status write_file_durably(const std::string& path, std::string_view bytes, unsigned mode);

}  // namespace direct
