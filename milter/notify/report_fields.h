// report_fields.h - values as they may stand in the reports and notifications we make: ASCII, one line,
// nothing that ends a field early. Pure functions, thread safe.
#pragma once
#include <string>
#include <string_view>

#include "milter/base/address.h"

namespace direct {

/// Code points outside ASCII as \x{HEX} (RFC 6533 section 3), controls as '?'.
std::string ascii_form(std::string_view utf8);
/// "rfc822;a@b" or "utf-8;..." (RFC 3464 section 2.1.2, RFC 6533).
std::string typed_address(const Address& a);
/// "<x@y>" as it may stand in a field of ours; empty for anything else or longer than 500 bytes.
std::string safe_message_id(std::string_view id);
/// The part of a report that people read, from its Content-Type on, CRLF: as it is when it is ASCII in short lines,
/// quoted-printable otherwise.
std::string part_for_people(std::string_view utf8);

}  // namespace direct
