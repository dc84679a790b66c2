// ldap_filter.cpp - what a search and a port may look like; see ldap_client.h.
#include <cstring>

#include "policy/discovery/ldap_client.h"

namespace direct {

std::string filter_value(std::string_view text)
{
    static const char* const digits = "0123456789abcdef";
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && !std::strchr("*()\\", c)) {
            out += c;
        } else {
            out += '\\';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

bool is_ldap_port(unsigned port)
{
    return port == 389 || port == 636 || (port >= 1024 && port <= 65535);
}

}  // namespace direct
