// sha1.h - SHA-1 (RFC 3174), because XDM metadata carries it: it finds a document that was damaged or
// exchanged by mistake, and is no proof against anybody who means it. Nothing is signed or trusted by it. Pure;
// thread safe.
#pragma once
#include <string>
#include <string_view>

namespace direct::xdm {

/// 40 hexadecimal digits, lower case.
std::string sha1_hex(std::string_view bytes);

}  // namespace direct::xdm
