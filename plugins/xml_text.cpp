// xml_text.cpp - see xml_text.h.
#include "plugins/xml_text.h"

#include <algorithm>
#include <cstdint>

#include "plugins/decode_text.h"

namespace direct {
namespace {

enum class Encoding { utf8, utf16le, utf16be, utf32, utf7, windows1252, latin9, unknown };

std::string lower(std::string_view s)
{
    std::string out(s);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

struct Name {
    std::string_view name;
    Encoding encoding;
};
constexpr Name names[] = {
    {"utf-8", Encoding::utf8},
    {"utf8", Encoding::utf8},
    {"us-ascii", Encoding::utf8},
    {"ascii", Encoding::utf8},
    // UTF-16 without its mark and without a 16-bit '<' is not UTF-16, whatever it says: some writers put the
    // name of what they held in memory.
    {"utf-16", Encoding::utf8},
    {"utf-16le", Encoding::utf8},
    {"utf-16be", Encoding::utf8},
    {"unicode", Encoding::utf8},
    {"windows-1252", Encoding::windows1252},
    {"cp1252", Encoding::windows1252},
    {"iso-8859-1", Encoding::windows1252},
    {"iso_8859-1", Encoding::windows1252},
    {"latin1", Encoding::windows1252},
    {"ansi", Encoding::windows1252},
    {"iso-8859-15", Encoding::latin9},
    {"iso_8859-15", Encoding::latin9},
    {"latin9", Encoding::latin9},
    {"utf-7", Encoding::utf7},
    {"utf7", Encoding::utf7},
    {"unicode-1-1-utf-7", Encoding::utf7},
    {"utf-32", Encoding::utf32},
    {"utf-32le", Encoding::utf32},
    {"utf-32be", Encoding::utf32},
    {"ucs-4", Encoding::utf32},
    {"iso-10646-ucs-4", Encoding::utf32},
};

Encoding by_name(std::string_view name)
{
    for (const auto& n : names)
        if (n.name == name) return n.encoding;
    return Encoding::unknown;
}

// &#0; would end a text and &#xD800; is no character: such references become '?' and blanks.
std::size_t mend_references(std::string& s)
{
    std::size_t bad = 0;
    for (std::size_t at = s.find("&#"); at != std::string::npos; at = s.find("&#", at + 2)) {
        std::size_t i = at + 2;
        const bool hex = i < s.size() && s[i] == 'x';
        if (hex) ++i;
        std::uint32_t n = 0;
        const std::size_t digits = i;
        for (; i < s.size(); ++i) {
            const char c = s[i];
            std::uint32_t d;
            if (c >= '0' && c <= '9')
                d = static_cast<std::uint32_t>(c - '0');
            else if (hex && c >= 'a' && c <= 'f')
                d = static_cast<std::uint32_t>(c - 'a' + 10);
            else if (hex && c >= 'A' && c <= 'F')
                d = static_cast<std::uint32_t>(c - 'A' + 10);
            else
                break;
            n = std::min<std::uint32_t>(n * (hex ? 16 : 10) + d, 0x110000);
        }
        if (i == digits || i == s.size() || s[i] != ';') continue;
        const bool control = n < 0x20 && n != 9 && n != 10 && n != 13;
        if (!control && n < 0x110000 && !(n >= 0xD800 && n < 0xE000) && n != 0xFFFE && n != 0xFFFF) continue;
        s.replace(at, i + 1 - at, i + 1 - at, ' ');
        s[at] = '?';
        ++bad;
    }
    return bad;
}

// encoding="..." of <?xml ...?>, lower case; empty when there is none. Behind blanks it is no declaration to XML 1.0;
// a mail that puts an empty line before it means it all the same.
std::string declared_encoding(std::string_view s)
{
    s.remove_prefix(std::min(s.find_first_not_of(" \t\r\n"), s.size()));
    if (!s.starts_with("<?xml")) return "";
    s = s.substr(0, std::min(s.find("?>"), std::size_t{256}));
    auto at = s.find("encoding");
    if (at == std::string_view::npos) return "";
    at = s.find_first_of("\"'", at);
    if (at == std::string_view::npos) return "";
    const auto end = s.find(s[at], at + 1);
    return end == std::string_view::npos || end - at > 41 ? "" : lower(s.substr(at + 1, end - at - 1));
}

std::string plural(std::size_t n, const char* what)
{
    return std::to_string(n) + " " + what;
}

// '<' behind nothing but blanks, all as 16-bit numbers.
bool begins_utf16(std::string_view s, bool little)
{
    for (std::size_t i = 0; i + 1 < s.size(); i += 2) {
        const char high = s[little ? i + 1 : i], low = s[little ? i : i + 1];
        if (high != '\0') return false;
        if (low == '<') return true;
        if (low != ' ' && low != '\t' && low != '\r' && low != '\n') return false;
    }
    return false;
}

// What the first bytes leave no doubt about: a mark, or '<' as a 16-bit number.
Encoding by_first_bytes(std::string_view& s)
{
    using namespace std::string_view_literals;
    const auto mark = [&](std::string_view m) {
        if (!s.starts_with(m)) return false;
        s.remove_prefix(m.size());
        return true;
    };
    if (mark("\xef\xbb\xbf"sv)) return Encoding::utf8;
    if (mark("\xff\xfe\0\0"sv) || mark("\0\0\xfe\xff"sv)) return Encoding::utf32;
    if (s.starts_with("<\0\0\0"sv) || s.starts_with("\0\0\0<"sv)) return Encoding::utf32;
    if (mark("\xff\xfe"sv) || begins_utf16(s, true)) return Encoding::utf16le;
    if (mark("\xfe\xff"sv) || begins_utf16(s, false)) return Encoding::utf16be;
    if (mark("+/v8-"sv) || mark("+/v"sv)) return Encoding::utf7;
    return Encoding::unknown;
}

// A declaration that contradicts the first bytes or the charset: told, for the admin.
void tell_difference(Encoding used, const std::string& declared, const std::string& hint, XmlText& out)
{
    const bool wide = used == Encoding::utf16le || used == Encoding::utf16be;
    const auto differs = [&](const std::string& name) {
        if (name.empty()) return false;
        return wide ? !name.starts_with("utf-16") && name != "unicode" : by_name(name) != used;
    };
    if (differs(declared))
        out.notes.push_back("the XML declaration names another encoding than the document is in");
    if (differs(hint)) out.notes.push_back("the media type's charset is not the encoding the document is in");
}

Encoding choose(std::string_view& bytes, std::string_view charset, XmlText& out)
{
    const std::string hint = lower(charset.substr(0, 40));
    Encoding encoding = by_first_bytes(bytes);
    const bool first_bytes = encoding != Encoding::unknown;
    if (encoding == Encoding::utf16le || encoding == Encoding::utf16be) {
        std::string head;  // the declaration is ASCII
        for (std::size_t i = encoding == Encoding::utf16le ? 0 : 1; i < bytes.size() && i < 512; i += 2)
            head += bytes[i];
        out.declared = declared_encoding(head);
    } else {
        out.declared = declared_encoding(bytes);
    }
    if (!first_bytes && !out.declared.empty()) {
        encoding = by_name(out.declared);
        if (encoding == Encoding::unknown) {
            out.refused = "the declared encoding is not one we read";
            return Encoding::utf8;
        }
    } else if (!first_bytes && !hint.empty()) {
        encoding = by_name(hint);
    }
    if (encoding == Encoding::utf7 || encoding == Encoding::utf32) {
        out.refused = encoding == Encoding::utf7 ? "UTF-7 is not read" : "UTF-32 is not read";
        return Encoding::utf8;
    }
    if (encoding == Encoding::unknown) encoding = Encoding::utf8;
    // No mark says UTF-8, and the bytes are none: what every letter of an old system is in. "?g" is no dose.
    if (encoding == Encoding::utf8 && !first_bytes && looks_8_bit(bytes)) {
        encoding = by_name(hint) == Encoding::latin9 ? Encoding::latin9 : Encoding::windows1252;
        out.notes.push_back("the bytes are not UTF-8; read as " +
                            std::string(encoding == Encoding::latin9 ? "iso-8859-15" : "windows-1252"));
    }
    tell_difference(encoding, out.declared, hint, out);
    return encoding;
}

}  // namespace

XmlText xml_text(std::string_view bytes, std::string_view charset)
{
    XmlText out;
    std::size_t bad = 0;
    switch (choose(bytes, charset, out)) {
        case Encoding::utf16le:
            out.encoding = "utf-16le";
            out.utf8 = from_utf16(bytes, true, bad);
            break;
        case Encoding::utf16be:
            out.encoding = "utf-16be";
            out.utf8 = from_utf16(bytes, false, bad);
            break;
        case Encoding::windows1252:
            out.encoding = "windows-1252";
            out.utf8 = from_8_bit(bytes, false, bad);
            break;
        case Encoding::latin9:
            out.encoding = "iso-8859-15";
            out.utf8 = from_8_bit(bytes, true, bad);
            break;
        default:
            out.encoding = "utf-8";
            out.utf8.reserve(bytes.size() + XmlText::slack);
            out.utf8 = bytes;
            bad = mend_utf8(out.utf8);
    }
    // No text has a NUL; the parser would take it for the end.
    if (const auto nul = out.utf8.find('\0'); nul != std::string::npos) {
        bad += static_cast<std::size_t>(std::count(out.utf8.begin(), out.utf8.end(), '\0'));
        std::replace(out.utf8.begin(), out.utf8.end(), '\0', ' ');
    }
    if (out.utf8.starts_with("\xef\xbb\xbf")) out.utf8.erase(0, 3);
    if (bad) out.notes.push_back(plural(bad, "bytes that are no characters were replaced"));
    if (const auto refs = mend_references(out.utf8))
        out.notes.push_back(plural(refs, "character references that are no characters were replaced"));
    return out;
}

bool begins_like_xml(std::string_view bytes)
{
    constexpr std::string_view before("\0 \t\r\n\xEF\xBB\xBF\xFE\xFF", 10);
    const auto at = bytes.find_first_not_of(before);
    return at != std::string_view::npos && bytes[at] == '<';
}

std::string_view root_element(std::string_view s)
{
    for (;;) {
        const auto at = s.find_first_not_of(" \t\r\n");
        if (at == std::string_view::npos || s[at] != '<') return {};
        s.remove_prefix(at + 1);
        std::string_view end;
        if (s.starts_with("?"))
            end = "?>";
        else if (s.starts_with("!--"))
            end = "-->";
        else if (s.starts_with("!"))
            end = s.substr(0, s.find('>')).find('[') < s.size() ? "]>" : ">";
        else
            break;
        const auto stop = s.find(end);
        if (stop == std::string_view::npos) return {};
        s.remove_prefix(stop + end.size());
    }
    const auto stop = s.find_first_of(" \t\r\n/><&\"'=");
    if (stop == std::string_view::npos || stop == 0 || (s[stop] != '>' && s[stop] != '/' && s[stop] > ' '))
        return {};
    return s.substr(0, stop);
}

}  // namespace direct
