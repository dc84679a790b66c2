// split.h - exact splitting of bytes: a header block from its body, a multipart into its parts.
// Everything returned is a view into the bytes given; nothing is decoded. Faults: malformed.
// Pure functions, thread safe. Source: RFC 5322 sections 2.2 and 3.6.8, RFC 2046 section 5.1.1.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "milter/mime/message.h"

namespace direct {

/// Fields of one header block. Each costs 48 bytes when read and three in the message: without a bound a
/// header of 1 MB would cost 16 MB.
inline constexpr std::size_t most_fields = 10'000;

/// An entity whose fields have not been interpreted.
struct HeaderBlock {
    Headers headers;
    std::string_view header_bytes;  ///< with the line end of the last field, without the empty line
    std::string_view separator;     ///< the empty line: "\r\n", "\n", or "" at the end of the input
    std::string_view body;
};

/// Header lines end with LF or CRLF. A line without colon, a first line that begins with white space,
/// NUL, bare CR, a field name outside printable ASCII, more than limits.headers bytes or more than
/// most_fields fields are malformed.
Result<HeaderBlock> split_header(std::string_view bytes, const MimeLimits& limits);

/// The body of a multipart.
struct MultipartBody {
    std::string_view preamble;            ///< before the first boundary line
    std::vector<std::string_view> parts;  ///< exact bytes, without the line end that belongs to the boundary
    std::string_view epilogue;            ///< after the last boundary line
    bool closed = false;                  ///< the last boundary line was there
};

/// A boundary line begins at a line start, is "--" boundary, "--" when it is the last, then blanks and
/// tabs, then LF, CRLF or the end of the bytes. Everything else is content, so a boundary that goes on
/// with other characters belongs to an inner multipart. More than max_parts parts: malformed.
Result<MultipartBody> split_multipart(std::string_view body, std::string_view boundary,
                                      std::size_t max_parts);

/// The boundary of a multipart. Fault: malformed: none, over 250 characters, or characters that need a
/// guess (quotes, backslash, control, 8-bit, a blank at the end).
Result<std::string> boundary_of(const ContentType& type);

/// What must be changed before bytes can be signed as 7bit text with CRLF.
struct ByteScan {
    bool eight_bit = false;  ///< bytes above 127
    bool nul = false;
    bool long_line = false;  ///< over 998 octets without the line end
    bool bare_cr = false;    ///< CR not followed by LF
    bool lf = false;         ///< LF without CR before it
    bool crlf = false;
    bool seven_bit() const { return !eight_bit && !nul && !long_line; }
    bool one_line_end() const { return !bare_cr && !(lf && crlf); }
};
ByteScan scan_bytes(std::string_view bytes);

/// Appends text with every LF, bare CR and CRLF as CRLF.
void append_crlf(std::string& out, std::string_view text);

}  // namespace direct
