// base64.h - the files that documents hold. Pure function, thread safe.
#pragma once
#include <string>
#include <string_view>

namespace direct::ccda {

/// Bytes of base64 text (RFC 4648 section 4) with white space anywhere; padding may be missing. Empty when it is
/// anything else.
std::string decode_base64(std::string_view text);

}  // namespace direct::ccda
