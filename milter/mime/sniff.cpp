// sniff.cpp - what a part is, from its first bytes. See sniff.h.
#include "milter/mime/sniff.h"

#include <algorithm>
#include <array>

#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::size_t most_bytes = 4096;

struct Magic {
    std::string_view bytes;
    const char* kind;
};

using namespace std::string_view_literals;
constexpr std::array magics = {Magic{"PK\x03\x04"sv, "zip"},
                               Magic{"PK\x05\x06"sv, "zip"},
                               Magic{"%PDF"sv, "pdf"},
                               Magic{"\xFF\xD8\xFF"sv, "image"},
                               Magic{"\x89PNG\r\n\x1A\n"sv, "image"},
                               Magic{"GIF87a"sv, "image"},
                               Magic{"GIF89a"sv, "image"},
                               Magic{"II*\0"sv, "image"},
                               Magic{"MM\0*"sv, "image"},
                               Magic{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "ole"}};

bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':' || static_cast<unsigned char>(c) > 127;
}

bool name_start(char c)
{
    return name_char(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.';
}

std::string_view skip_white(std::string_view s)
{
    while (!s.empty() && white(s.front())) s.remove_prefix(1);
    return s;
}

/// Bytes as one octet for each character, so that the rest need not know about UTF-16.
struct Narrow {
    std::string text;
    std::string encoding;
};

std::string every_second(std::string_view s, std::size_t first)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < s.size(); i += 2) {
        const bool wide = s[i + 1 - first] != 0;  // no character that markup is made of
        out += wide ? '\x80' : s[i + first];
    }
    return out;
}

Narrow narrow(std::string_view s)
{
    if (s.starts_with("\xEF\xBB\xBF")) return {std::string(s.substr(3)), "utf-8"};
    if (s.starts_with("\xFF\xFE"sv)) return {every_second(s.substr(2), 0), "utf-16le"};
    if (s.starts_with("\xFE\xFF"sv)) return {every_second(s.substr(2), 1), "utf-16be"};
    if (s.starts_with("<\0"sv)) return {every_second(s, 0), "utf-16le"};
    if (s.starts_with("\0<"sv)) return {every_second(s, 1), "utf-16be"};
    return {std::string(s), ""};
}

/// What the begin of a markup document says.
struct Markup {
    bool xml = false;          // a declaration or a start tag
    bool declaration = false;  // <?xml ...?>
    bool html = false;
    std::string encoding;  // of the declaration
    std::string root;      // without prefix
    std::string root_tag;  // up to '>' or the end of the bytes
};

/// The value of encoding="..." in a declaration.
std::string declared_encoding(std::string_view declaration)
{
    auto at = declaration.find("encoding");
    if (at == std::string_view::npos) return {};
    auto s = skip_white(declaration.substr(at + 8));
    if (!s.starts_with('=')) return {};
    s = skip_white(s.substr(1));
    if (s.empty() || (s.front() != '"' && s.front() != '\'')) return {};
    const auto end = s.find(s.front(), 1);
    if (end == std::string_view::npos || end > 40) return {};
    return ascii_lower(s.substr(1, end - 1));
}

/// Takes "<?...?>", "<!--...-->" or "<!...>" off the front; false: something else stands there.
/// What is not closed within the bytes we look at takes them all.
bool skip_prolog(std::string_view& s)
{
    std::string_view end;
    if (s.starts_with("<?"))
        end = "?>";
    else if (s.starts_with("<!--"))
        end = "-->";
    else if (s.starts_with("<!"))
        end = ">";
    else
        return false;
    const auto at = s.find(end);
    s = at == std::string_view::npos ? std::string_view() : s.substr(at + end.size());
    return true;
}

Markup read_markup(std::string_view s)
{
    Markup out;
    s = skip_white(s);
    if (s.starts_with("<?xml") && s.size() > 5 && white(s[5])) {
        out.xml = out.declaration = true;
        out.encoding = declared_encoding(s.substr(0, s.find("?>")));
    }
    for (;;) {
        const auto doctype = s.substr(0, 9);
        if (equal_ignoring_case(doctype, "<!doctype")) {
            const auto name = skip_white(s.substr(9)).substr(0, 4);
            out.html |= equal_ignoring_case(name, "html");
            out.xml = true;
        }
        if (!skip_prolog(s)) break;
        s = skip_white(s);
    }
    if (s.size() < 3 || s[0] != '<' || !name_start(s[1])) {
        out.xml = out.xml && !out.html;
        return out;
    }
    const auto end =
        static_cast<std::size_t>(std::find_if_not(s.begin() + 1, s.end(), name_char) - s.begin());
    const bool tag = end == s.size() || white(s[end]) || s[end] == '>' || s[end] == '/';
    const auto name = s.substr(1, end - 1);
    out.root = name.substr(name.rfind(':') + 1);
    out.root_tag = s.substr(0, s.find('>'));
    out.html |= equal_ignoring_case(out.root, "html");
    out.xml = (out.xml || tag) && !out.html;
    return out;
}

bool hl7v2(std::string_view s)
{
    if (s.starts_with('\x0B')) s.remove_prefix(1);
    s = skip_white(s);
    if (s.size() < 10) return false;
    const auto segment = s.substr(0, 3);
    if (segment != "MSH" && segment != "FHS" && segment != "BHS") return false;
    const char separator = s[3];
    if (name_char(separator) || white(separator)) return false;
    return s[8] == separator || s[9] == separator;  // four or five encoding characters
}

bool json(std::string_view s)
{
    s = skip_white(s);
    if (s.empty() || (s.front() != '{' && s.front() != '[')) return false;
    const auto inside = skip_white(s.substr(1));
    if (inside.empty()) return false;
    const char c = inside.front();
    if (s.front() == '{') return c == '"' || c == '}';
    return std::string_view("{[\"]-0123456789tfn").find(c) != std::string_view::npos;
}

bool text(std::string_view s)
{
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return (u >= 32 && u != 127) || white(c) || c == '\f';
    });
}

const char* magic_kind(std::string_view s)
{
    for (const auto& magic : magics)
        if (s.starts_with(magic.bytes)) return magic.kind;
    if (s.starts_with("RIFF") && s.size() >= 12 && s.substr(8, 4) == "WEBP") return "image";
    if (s.size() >= 132 && s.substr(128, 4) == "DICM") return "image";
    if (skip_white(s).starts_with("%PDF")) return "pdf";
    return nullptr;
}

}  // namespace

Sniffed sniff(std::string_view head)
{
    head = head.substr(0, most_bytes);
    Sniffed out;
    if (const char* kind = magic_kind(head)) {
        out.kind = kind;
    } else {
        const Narrow n = narrow(head);
        const Markup markup = read_markup(n.text);
        out.encoding = n.encoding.empty() ? markup.encoding : n.encoding;
        if (markup.xml)
            out.kind = "xml";
        else if (hl7v2(n.text))
            out.kind = "hl7v2";
        else if (json(n.text))
            out.kind = "json";
        else
            out.kind = text(n.text) ? "text" : "binary";
    }
    out.clinical = out.kind == "xml" || out.kind == "zip";
    return out;
}

bool is_xml_document(std::string_view head)
{
    head = head.substr(0, most_bytes);
    if (magic_kind(head)) return false;
    const Markup markup = read_markup(narrow(head).text);
    if (!markup.xml) return false;
    return markup.declaration || markup.root == "ClinicalDocument" ||
           markup.root == "ContinuityOfCareRecord" || markup.root_tag.find("xmlns") != std::string::npos;
}

}  // namespace direct
