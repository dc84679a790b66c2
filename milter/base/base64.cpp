// base64.cpp - RFC 4648 base64 both ways. Messages pass through here, so both directions work on
// groups of four characters and look at single ones only around white space and the end.
// No state; thread safe.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// One table for each of the four places: the six bits already stand where they belong in the 24-bit
// group, so a group is four look-ups and three ORs. The flag survives the ORs.
constexpr std::uint32_t foreign = 0x80000000U;
using Table = std::array<std::uint32_t, 256>;

constexpr Table make_table(int shift)
{
    Table t{};
    for (auto& v : t) v = foreign;
    for (std::uint32_t i = 0; i < 64; ++i) t[static_cast<unsigned char>(alphabet[i])] = i << shift;
    return t;
}

constexpr Table place0 = make_table(18);
constexpr Table place1 = make_table(12);
constexpr Table place2 = make_table(6);
constexpr Table place3 = make_table(0);

bool white(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

auto bad(const char* why)
{
    return fail(refuse(Reason::malformed, std::string("base64: ") + why));
}

char* put(char* out, std::uint32_t group)
{
    out[0] = static_cast<char>(group >> 16);
    out[1] = static_cast<char>(group >> 8);
    out[2] = static_cast<char>(group);
    return out + 3;
}

}  // namespace

std::string base64(std::string_view bytes, std::size_t line)
{
    const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
    const std::size_t chars = (bytes.size() + 2) / 3 * 4;
    const std::size_t per_line = line ? line / 4 * 3 : 0;
    if (per_line == 0 || chars <= line) {
        // EVP_EncodeBlock counts in int and writes a NUL behind its output.
        constexpr std::size_t step = 3U << 26;
        std::string out(chars + 1, '\0');
        auto* to = reinterpret_cast<unsigned char*>(out.data());
        for (std::size_t at = 0; at < bytes.size(); at += step)
            to += EVP_EncodeBlock(to, in + at, static_cast<int>(std::min(step, bytes.size() - at)));
        out.resize(chars);
        return out;
    }
    const std::size_t lines = (bytes.size() + per_line - 1) / per_line;
    std::string out(chars + 2 * (lines - 1) + 1, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    for (std::size_t at = 0; at < bytes.size(); at += per_line) {
        if (at) {
            *to++ = '\r';
            *to++ = '\n';
        }
        to += EVP_EncodeBlock(to, in + at, static_cast<int>(std::min(per_line, bytes.size() - at)));
    }
    out.pop_back();
    return out;
}

Result<std::string> unbase64(std::string_view text)
{
    std::string decoded((text.size() + 3) / 4 * 3, '\0');
    char* out = decoded.data();
    const char* p = text.data();
    const char* const end = p + text.size();
    auto octet = [](char c) { return static_cast<unsigned char>(c); };

    for (;;) {
        while (end - p >= 4) {
            const std::uint32_t group =
                place0[octet(p[0])] | place1[octet(p[1])] | place2[octet(p[2])] | place3[octet(p[3])];
            if (group & foreign) break;
            out = put(out, group);
            p += 4;
        }
        while (p != end && white(*p)) ++p;
        if (p == end) break;
        if (end - p >= 4 && place0[octet(*p)] != foreign && place1[octet(p[1])] != foreign &&
            place2[octet(p[2])] != foreign && place3[octet(p[3])] != foreign)
            continue;

        // A group with white space or padding inside.
        std::uint32_t group = 0;
        int have = 0;
        for (; p != end && have < 4 && *p != '='; ++p) {
            if (white(*p)) continue;
            const auto bits = place3[octet(*p)];
            if (bits & foreign) return bad("a character that does not belong there");
            group = group << 6 | bits;
            ++have;
        }
        if (have == 4) {
            out = put(out, group);
            continue;
        }
        if (have == 0 && p == end) break;
        if (have < 2) return bad("wrong padding");
        for (int missing = 4 - have; missing > 0;) {
            if (p == end) return bad("wrong padding");
            if (*p == '=')
                --missing;
            else if (!white(*p))
                return bad("wrong padding");
            ++p;
        }
        while (p != end && white(*p)) ++p;
        if (p != end) return bad("text after the padding");
        group <<= 6 * (4 - have);
        out[0] = static_cast<char>(group >> 16);
        if (have == 3) out[1] = static_cast<char>(group >> 8);
        out += have - 1;
        break;
    }
    decoded.resize(static_cast<std::size_t>(out - decoded.data()));
    return decoded;
}

}  // namespace direct
