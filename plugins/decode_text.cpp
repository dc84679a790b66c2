// decode_text.cpp - see decode_text.h.
#include "plugins/decode_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "plugins/json_writer.h"

namespace direct {
namespace {

// 0x80..0x9F of windows-1252; 0 = no character there.
constexpr std::uint16_t high_1252[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                         0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                         0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                         0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void append_code_point(std::string& out, std::uint32_t c)
{
    if (c == 0) {
        out += ' ';
    } else if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

// Where to look on, from i: before there is ASCII only. Nearly all text is, and most of it in long runs.
std::size_t behind_ascii(std::string_view s, std::size_t i)
{
    constexpr std::uint64_t high = 0x8080808080808080u;
    const auto load = [&](std::size_t at) {
        std::uint64_t eight;
        std::memcpy(&eight, s.data() + at, sizeof eight);
        return eight;
    };
    while (i + 32 <= s.size() && !((load(i) | load(i + 8) | load(i + 16) | load(i + 24)) & high)) i += 32;
    while (i + 8 <= s.size() && !(load(i) & high)) i += 8;
    return i;
}

// Where ISO-8859-15 differs from ISO-8859-1.
std::uint32_t latin9_char(unsigned char c)
{
    switch (c) {
        case 0xA4:
            return 0x20AC;
        case 0xA6:
            return 0x160;
        case 0xA8:
            return 0x161;
        case 0xB4:
            return 0x17D;
        case 0xB8:
            return 0x17E;
        case 0xBC:
            return 0x152;
        case 0xBD:
            return 0x153;
        case 0xBE:
            return 0x178;
        default:
            return c;
    }
}

}  // namespace

std::string from_utf16(std::string_view s, bool little, std::size_t& bad)
{
    std::string out;
    out.reserve(s.size() / 2 + 16);
    const auto unit = [&](std::size_t i) -> std::uint32_t {
        const auto a = static_cast<unsigned char>(s[i]), b = static_cast<unsigned char>(s[i + 1]);
        return little ? (b << 8 | a) : (a << 8 | b);
    };
    std::size_t i = 0;
    for (; i + 1 < s.size(); i += 2) {
        std::uint32_t c = unit(i);
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < s.size()) {
            const auto low = unit(i + 2);
            if (low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        if (c >= 0xD800 && c < 0xE000) {
            c = '?';
            ++bad;
        }
        append_code_point(out, c);
    }
    if (i < s.size()) ++bad;
    return out;
}

std::string from_8_bit(std::string_view s, bool latin9, std::size_t& bad)
{
    std::string out;
    out.reserve(s.size() + s.size() / 16);
    for (char ch : s) {
        const auto c = static_cast<unsigned char>(ch);
        std::uint32_t code = latin9 ? latin9_char(c) : c;
        if (c >= 0x80 && c < 0xA0) code = high_1252[c - 0x80];
        if (code == 0 && c != 0) {
            code = '?';
            ++bad;
        }
        append_code_point(out, code);
    }
    return out;
}

std::size_t mend_utf8(std::string& s)
{
    std::size_t bad = 0;
    for (std::size_t i = 0; i < s.size();) {
        i = behind_ascii(s, i);
        if (i == s.size()) break;
        const auto n = utf8_length(s, i);
        if (!n) {
            s[i] = '?';
            ++bad;
        }
        i += std::max<std::size_t>(n, 1);
    }
    return bad;
}

bool looks_8_bit(std::string_view s)
{
    std::size_t sequences = 0, alone = 0;
    for (std::size_t i = 0; i < s.size();) {
        i = behind_ascii(s, i);
        if (i == s.size()) break;
        const auto c = static_cast<unsigned char>(s[i]);
        std::size_t n = utf8_length(s, i);
        if (c >= 0x80 && n) ++sequences;
        if (!n) {
            for (n = 1; c >= 0xC0 && i + n < s.size() && (s[i + n] & 0xC0) == 0x80; ++n) {
            }
            const bool cut = c >= 0xC0 && i + n == s.size();
            const bool no_letter = c >= 0x80 && c < 0xA0 && !high_1252[c - 0x80];
            ++(n > 1 || cut || no_letter ? sequences : alone);
        }
        i += n;
    }
    return alone > sequences;
}

}  // namespace direct
