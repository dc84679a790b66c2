// base64.cpp - see base64.h. A scan is megabytes long, so four letters are taken at once wherever no line ends.
#include "plugins/ccda/base64.h"

#include <array>
#include <cstdint>

namespace direct::ccda {
namespace {

constexpr unsigned char no_letter = 0x80;

constexpr auto make_table()
{
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<unsigned char, 256> t{};
    for (auto& value : t) value = no_letter;
    for (std::size_t i = 0; i < letters.size(); ++i)
        t[static_cast<unsigned char>(letters[i])] = static_cast<unsigned char>(i);
    return t;
}
constexpr auto table = make_table();

std::uint32_t letter(char c)
{
    return table[static_cast<unsigned char>(c)];
}

// The first `bytes` of the three bytes that 24 bits are.
char* put(char* to, std::uint32_t bits, int bytes)
{
    for (int shift = 16; bytes > 0; --bytes, shift -= 8) *to++ = static_cast<char>(bits >> shift & 0xFF);
    return to;
}

// Whole groups of four letters from `at` on.
std::size_t groups(std::string_view text, std::size_t at, char*& to)
{
    for (; at + 4 <= text.size(); at += 4) {
        const std::uint32_t a = letter(text[at]), b = letter(text[at + 1]), c = letter(text[at + 2]),
                            d = letter(text[at + 3]);
        if ((a | b | c | d) & no_letter) break;
        to[0] = static_cast<char>(a << 2 | b >> 4);
        to[1] = static_cast<char>(b << 4 | c >> 2);
        to[2] = static_cast<char>(c << 6 | d);
        to += 3;
    }
    return at;
}

}  // namespace

std::string decode_base64(std::string_view text)
{
    std::string out(text.size() / 4 * 3 + 3, '\0');
    char* to = out.data();
    std::uint32_t bits = 0;
    int have = 0, pad = 0;  // letters of the group in work, '=' after it
    for (std::size_t at = 0; at < text.size();) {
        if (!have && !pad) at = groups(text, at, to);
        if (at == text.size()) break;
        const char c = text[at++];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=') {
            if (++pad > 2) return "";
            continue;
        }
        if (letter(c) == no_letter || pad) return "";
        bits = bits << 6 | letter(c);
        if (++have < 4) continue;
        to = put(to, bits, 3);
        bits = 0;
        have = 0;
    }
    if (have == 1) return "";
    if (have > 1) to = put(to, bits << 6 * (4 - have), have - 1);
    out.resize(static_cast<std::size_t>(to - out.data()));
    return out;
}

}  // namespace direct::ccda
