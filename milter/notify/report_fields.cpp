#include "milter/notify/report_fields.h"

#include <algorithm>
#include <cstdio>

#include "milter/base/text.h"
#include "milter/mime/content.h"

namespace direct {
namespace {

constexpr std::size_t message_id_max = 500;  // longer ones would not fit a header line (998) with its name

bool ascii(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

// RFC 6533 section 3: code points outside ASCII as \x{HEX}.
std::string ascii_form(std::string_view utf8)
{
    std::string out;
    for (std::size_t i = 0; i < utf8.size();) {
        const std::size_t n = std::max<std::size_t>(1, utf8_sequence(utf8, i));
        if (n == 1) {
            const auto c = static_cast<unsigned char>(utf8[i]);
            out += c < 0x20 || c >= 0x7F ? '?' : utf8[i];
        } else {
            char32_t v = static_cast<unsigned char>(utf8[i]) & (0xFFu >> (n + 1));
            for (std::size_t k = 1; k < n; ++k)
                v = (v << 6) | (static_cast<unsigned char>(utf8[i + k]) & 0x3Fu);
            char text[16];
            std::snprintf(text, sizeof text, "\\x{%X}", static_cast<unsigned>(v));
            out += text;
        }
        i += n;
    }
    return out;
}

std::string typed_address(const Address& a)
{
    return (ascii(a.local) ? "rfc822;" : "utf-8;") + ascii_form(a.text());
}

// "<x@y>" as it may stand in a field of ours, or empty.
std::string safe_message_id(std::string_view id)
{
    id = trim(id);
    if (id.size() < 3 || id.size() > message_id_max || id.front() != '<' || id.back() != '>') return "";
    const bool plain = std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    return plain ? std::string(id) : "";
}

std::string part_for_people(std::string_view utf8)
{
    constexpr std::size_t longest_line = 900;  // RFC 5322 2.1.1 allows 998
    const std::string text = to_crlf(utf8);
    bool plain = true;
    std::size_t column = 0;
    for (const char c : text) {
        column = c == '\n' ? 0 : column + 1;
        plain = plain && static_cast<unsigned char>(c) < 0x80 && c != 0 && column < longest_line;
    }
    std::string out = plain ? "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
                            : "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    if (plain)
        out += text;
    else
        append_quoted_printable(out, text);
    if (!out.ends_with("\r\n")) out += "\r\n";
    return out;
}

}  // namespace direct
