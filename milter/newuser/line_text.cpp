// line_text.cpp - see line_text.h. Characters are judged after decoding, because an encoded word can
// bring any of them ("=0D=0ABcc: ..." passes through GMime as it is); NUL and stray line ends are judged before
// it as well, because a C library would end the text there.
#include "milter/newuser/line_text.h"

#include <algorithm>

#include "milter/base/text.h"
#include "milter/mime/message.h"

namespace direct {
namespace {

bool blank(char c)
{
    return c == ' ' || c == '\t';
}

// A line end followed by a blank is folding and goes; one at the very end belongs to the field.
// Anything else that is CR, LF or NUL stays and is refused by its finder. `out` has room already, so that
// no copy of the text is left behind by growing.
void unfold(std::string_view raw, std::string& out)
{
    while (!raw.empty() && (raw.back() == '\n' || raw.back() == '\r')) raw.remove_suffix(1);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const std::size_t end = raw.substr(i, 2) == "\r\n" ? 2 : raw[i] == '\n' ? 1 : 0;
        if (end && i + end < raw.size() && blank(raw[i + end])) {
            i += end - 1;
            continue;
        }
        out += raw[i];
    }
}

struct CodePoint {
    char32_t value;
    std::size_t size;
};
// s is well-formed UTF-8, at a sequence's first byte.
CodePoint code_point(std::string_view s)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const std::size_t n = utf8_sequence(s, 0);
    if (n <= 1) return {byte(0), 1};
    char32_t v = byte(0) & (0xFFu >> (n + 1));
    for (std::size_t i = 1; i < n; ++i) v = (v << 6) | (byte(i) & 0x3Fu);
    return {v, n};
}

// Controls, what turns text round, and the mark of a failed conversion.
bool harmful(char32_t c)
{
    if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return true;
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFFFD;
}

// Blanks that a person cannot tell from a space, Unicode 15 White_Space without controls.
bool other_blank(char32_t c)
{
    return c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

bool harmless(std::string_view utf8)
{
    while (!utf8.empty()) {
        const CodePoint c = code_point(utf8);
        if (harmful(c.value)) return false;
        utf8.remove_prefix(c.size);
    }
    return true;
}

// What a reader of RFC 2047 would take for the beginning of an encoded word: it was broken, or encoded
// twice. Two readers would understand it differently.
bool undecoded_word(std::string_view text)
{
    for (std::size_t at = text.find("=?"); at != std::string_view::npos; at = text.find("=?", at + 2)) {
        const std::string_view rest = text.substr(at + 2);
        const std::size_t mark = rest.find_first_of("? ");
        if (mark == 0 || mark == std::string_view::npos || rest[mark] != '?') continue;
        if (rest.size() > mark + 2 && rest[mark + 2] == '?') return true;
    }
    return false;
}

}  // namespace

std::string_view trim_blanks(std::string_view s)
{
    while (!s.empty()) {
        const CodePoint c = code_point(s);
        if (c.value != ' ' && c.value != '\t' && !other_blank(c.value)) break;
        s.remove_prefix(c.size);
    }
    while (!s.empty()) {
        std::size_t at = s.size() - 1;
        while (at > 0 && (static_cast<unsigned char>(s[at]) & 0xC0) == 0x80) --at;
        const char32_t c = code_point(s.substr(at)).value;
        if (c != ' ' && c != '\t' && !other_blank(c)) break;
        s = s.substr(0, at);
    }
    return s;
}

Result<Secret> readable_line(std::string_view raw_value)
{
    if (!valid_utf8(raw_value))
        return fail(refuse(Reason::newuser_subject_charset, "bytes that are not UTF-8"));
    std::string unfolded;
    CleanseAtEnd wipe_unfolded(unfolded);
    unfolded.reserve(raw_value.size());
    unfold(raw_value, unfolded);
    if (unfolded.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return fail(refuse(Reason::newuser_subject_control, "a line end or NUL inside the value"));

    auto decoded = decode_text(unfolded);
    if (!decoded) return fail(refuse(Reason::newuser_subject_encoding, "an encoded word cannot be decoded"));
    CleanseAtEnd wipe_decoded(*decoded);
    if (!valid_utf8(*decoded) || undecoded_word(*decoded))
        return fail(refuse(Reason::newuser_subject_encoding, "an encoded word cannot be decoded"));
    std::replace(decoded->begin(), decoded->end(), '\t', ' ');
    if (!harmless(*decoded))
        return fail(refuse(Reason::newuser_subject_control, "control or direction characters"));
    const std::string_view line = trim_blanks(*decoded);
    if (count_code_points(line) > newuser_line_max)
        return fail(refuse(Reason::newuser_subject_too_long, "more than 2000 characters"));
    return Secret(line);
}

}  // namespace direct
