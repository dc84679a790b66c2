// wrap.h - message/rfc822 wrapping: what goes inside the seal, what may stand outside, what is taken
// off before delivery. Pure functions over bytes, thread safe.
// Source: requirements B1, B7-B10, decisions 10 and 13; RFC 8551 section 3.1.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milter/base/clock.h"
#include "milter/mime/message.h"

namespace direct {

/// The whole message as a message/rfc822 entity in canonical CRLF, ready to be signed. Missing To, Date,
/// Message-ID (also one that cannot be read) and MIME-Version are added (B10), a missing From is malformed;
/// Bcc is removed. A body that is 8bit or binary is carried in base64 or quoted-printable per part so that
/// the signed bytes are 7bit (B7) and no line is over 998; 8-bit in fields becomes encoded words. A signed
/// or encrypted part inside is never changed: when it would have to be, that is malformed (RFC 2046
/// forbids to encode the message around it).
/// The entity is `own` followed by `rest`: a body that is fit to be signed as it came is not copied.
/// @param domain   for a Message-ID we have to make
/// @param made_id  left of its @; empty: a random one
/// Fault: malformed.
struct Wrapped {
    std::string own;         ///< "Content-Type: message/rfc822\r\n...\r\n\r\n<header>", and a body made anew
    std::string_view rest;   ///< the body as it came: a view into the message given
    std::string message_id;  ///< inner Message-ID
    std::string entity() const { return own + std::string(rest); }
};
Result<Wrapped> wrap(std::string_view message, std::string_view domain, Time now, const MimeLimits& limits,
                     std::string_view made_id = "");

/// The header fields that stand on the outside of sealed mail, in order, raw with CRLF: From, To, Cc,
/// Date, Message-ID, In-Reply-To, References as in the inner message, MIME-Version, and a fixed Subject
/// (none when `subject` is empty). Never Bcc, never anything else (B8, B9). Read from `wrapped`, where they
/// are complete and ASCII; `message` and `now` are not looked at. Fault: malformed.
Result<std::string> outer_headers(std::string_view message, const Wrapped& wrapped, std::string_view subject,
                                  Time now, const MimeLimits& limits);

/// What lies in the signed part.
struct Unwrapped {
    bool wrapped = false;  ///< false: headers come from outside except Content-* (decision 10)
    std::string message;   ///< the inner message, exact bytes; attachments byte for byte
};
/// The inner message where it stands in the signed part: message/rfc822 without a transfer encoding that would
/// have to be decoded. Nothing when unwrap() must make it. Fault: malformed.
Result<std::optional<std::string_view>> message_inside(std::string_view signed_part,
                                                       const MimeLimits& limits);
/// message/rfc822 (7bit, 8bit, binary, base64 or quoted-printable) gives the inner message; anything else
/// gives the outer message with Content-* fields and body of the signed part. Fault: malformed.
Result<Unwrapped> unwrap(std::string_view signed_part, std::string_view outer_message,
                         const MimeLimits& limits);

/// The inner message as it may be delivered: without Authentication-Results of ours (`authserv_id`, any
/// spelling), X-Direct-*, Delivered-To, Return-Path, Resent-*, Bcc (decision 13), with `add` (raw fields
/// with CRLF) on top. Everything else byte for byte. A non-empty `subject` (UTF-8) replaces the Subject field. An
/// empty authserv_id, and a field whose id cannot be read, count as ours.
/// Fault: malformed.
Result<std::string> deliverable(std::string_view message, std::string_view authserv_id,
                                const std::vector<std::string>& add, std::string_view subject,
                                const MimeLimits& limits);

}  // namespace direct
