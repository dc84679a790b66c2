// digest.h - SHA-1 and SHA-256 (FIPS 180-4), because XDM metadata and HL7 V3 texts carry them: they find a file that was damaged or
// exchanged by mistake, and are no proof against anybody who means it. Nothing is signed or trusted by them. Pure; thread
// safe.
#pragma once
#include <string>
#include <string_view>

namespace direct {

/// 40 hexadecimal digits, lower case.
std::string sha1_hex(std::string_view bytes);
/// 64 hexadecimal digits, lower case.
std::string sha256_hex(std::string_view bytes);

}  // namespace direct
