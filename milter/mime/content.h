// content.h - what the Content-* fields of an entity say, and bodies without their transfer encoding.
// GMime reads the parameters; what it would guess at is looked for and refused first.
// Faults: malformed. Pure functions, thread safe. Source: RFC 2045, RFC 2183, RFC 2231.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "milter/base/result.h"
#include "milter/mime/message.h"

namespace direct {

/// A type that cannot be read is application/octet-stream. Fault: malformed: over 16 KiB, a parameter
/// given twice (name and filename excepted: they are only hints), or a boundary that two readers could
/// read differently.
Result<ContentType> read_content_type(std::string_view raw_value);

struct Disposition {
    std::string word;      ///< lower case: "attachment", "inline"
    std::string filename;  ///< as written, decoded
};
Result<Disposition> read_disposition(std::string_view raw_value);

/// Lower case, without comments. Fault: malformed when it is not one token.
Result<std::string> read_transfer_encoding(std::string_view raw_value);

/// An entity below a multipart: inside multipart/digest the default type is message/rfc822.
Result<Entity> read_part(std::string_view bytes, const ContentType& parent, const MimeLimits& limits);

/// message/rfc822 or message/global: a whole message inside.
bool is_message(const ContentType& type);

/// The last component of a name a stranger chose: valid UTF-8, no slash, backslash, control or direction
/// characters, not "." or "..", at most 255 octets.
std::string safe_filename(std::string_view name);

/// Fault: malformed: an encoding that is not 7bit, 8bit, binary, base64 or quoted-printable, or bytes
/// that break its rules.
Result<std::string> decode_transfer(std::string_view body, std::string_view encoding);

/// Quoted-printable of text with any line ends; lines of at most 76, line ends CRLF (RFC 2045 6.7).
void append_quoted_printable(std::string& out, std::string_view text);
/// White space at line ends is dropped, a wrong escape is Fault malformed; line ends stay as they are.
Result<std::string> unquoted_printable(std::string_view text);

/// The field value written anew in ASCII by GMime (parameters as in RFC 2231), folded, without line end.
std::string ascii_content_type(std::string_view raw_value);
std::string ascii_disposition(std::string_view raw_value);

}  // namespace direct
