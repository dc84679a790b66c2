// reencode.h - a message made 7bit with lines of at most 998 octets, so that its signature survives
// every relay. Only what needs it is changed: single fields and single leaf parts.
// A signed or encrypted part inside is never changed; where it would have to be, the fault says so: RFC
// 2046 section 5.2.1 forbids to encode the message around it. Faults: malformed. Thread safe.
// Source: RFC 2045 sections 2 and 6, RFC 8551 sections 3.1.1 to 3.1.3; requirements B7, B10.
#pragma once
#include <string>
#include <string_view>

#include "milter/mime/message.h"

namespace direct {

/// How the body of one entity becomes 7bit.
struct BodyPlan {
    enum class Way { copy, quoted_printable, base64, parts, message } way = Way::copy;
    /// The Content-Transfer-Encoding to write instead of the one there; "" leaves the field alone.
    std::string encoding;
};

/// Looks at the bytes of the body. Fault: malformed: the body cannot become 7bit.
Result<BodyPlan> plan_body(const Entity& entity);

/// Appends the body as planned, with CRLF. The limits bound the tree of parts below it.
Status append_body(std::string& out, const Entity& entity, const BodyPlan& plan, const MimeLimits& limits);

/// Appends one field as ASCII with CRLF and lines of at most 998. UTF-8 becomes encoded words or RFC 2231
/// parameters. Fault: malformed: bytes that are not UTF-8, 8-bit inside an address, a line that cannot
/// be folded.
Status append_field(std::string& out, const HeaderField& field);

}  // namespace direct
