// mdn.h - message disposition notifications we make: RFC 8098, without the original's text (E5), with null
// envelope sender. The result is plain: it leaves only through the outbound path, signed and encrypted
// (E3). Pure function, thread safe. Source: requirements E1-E13.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/clock.h"

namespace direct {

struct Mdn {
    Address from;                     ///< the final recipient in whose name it speaks
    Address to;                       ///< the verified sender of the original
    std::string original_message_id;  ///< exact, with <>
    std::string disposition;          ///< processed | dispatched | failed | displayed
    std::string failure;              ///< a token, for disposition failed
    std::vector<std::pair<std::string, std::string>> extensions;
    std::string text;  ///< first part, plain words, UTF-8; never anything from the original
    std::string host;  ///< our host, for Reporting-UA and Message-ID
    Time now{};
    std::string subject = "Disposition notification";  ///< UTF-8, one line; never the original's
};
/// A whole message, CRLF, 7bit.
std::string make_mdn(const Mdn& mdn);

}  // namespace direct
