// samples.h - the messages in tests/mail and what the tests of this room ask of any message.
#pragma once
#include <string>
#include <vector>

#include "milter/mime/parts.h"

namespace direct::test {

struct Sample {
    std::string name;
    std::string bytes;
};

/// Every tests/mail/*.eml; ends the program when there is none.
std::vector<Sample> sample_mail();

/// All attachments of a message; fails the test on a Fault.
std::vector<Attachment> attachments_of(std::string_view message, const MimeLimits& limits = {});

/// Only ASCII without NUL, CRLF line ends only, no line over 998.
bool fit_to_sign(std::string_view entity);

/// A message with one base64 attachment of these bytes; `line_end` "\n" or "\r\n".
std::string message_with(std::string_view attachment, const std::string& line_end);

/// Repeatable bytes of all values.
std::string noise(std::size_t n);

}  // namespace direct::test
