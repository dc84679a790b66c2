// content_type.cpp - see content_type.h. Signatures first, then markup, messages, JSON, plain text.
#include "plugins/file/content_type.h"

#include <algorithm>

#include "plugins/file/json_head.h"
#include "plugins/json_writer.h"
#include "plugins/xml_text.h"

namespace direct::file {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t head_size = 64 << 10;
constexpr std::size_t json_size = 16u << 20;  // sorted by name, resourceType stands behind all entries
constexpr std::size_t word_max = 64;          // bytes of a message type, resource name...

struct Magic {
    std::string_view bytes;
    const char* type;
};
// First bytes that leave no doubt.
constexpr Magic magics[] = {
    {"%PDF-", "application/pdf"},
    {"PK\x03\x04"sv, "application/zip"},
    {"PK\x05\x06"sv, "application/zip"},
    {"\x89PNG\r\n\x1a\n"sv, "image/png"},
    {"\xff\xd8\xff"sv, "image/jpeg"},
    {"GIF87a", "image/gif"},
    {"GIF89a", "image/gif"},
    {"II*\0"sv, "image/tiff"},
    {"MM\0*"sv, "image/tiff"},
    {"BM", "image/bmp"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "application/x-ole-storage"},
    {"\x1f\x8b"sv, "application/gzip"},
    {"7z\xbc\xaf\x27\x1c"sv, "application/x-7z-compressed"},
    {"Rar!\x1a\x07"sv, "application/vnd.rar"},
    {"{\\rtf", "application/rtf"},
    {"\x7f"
     "ELF"sv,
     "application/x-elf"},
    {"MZ\x90\0"sv, "application/vnd.microsoft.portable-executable"},
};

const char* magic_type(std::string_view s)
{
    for (const auto& m : magics) {
        // Two letters are no proof: a bitmap's length and four zero bytes follow them.
        if (m.bytes == "BM" && (s.size() < 14 || s.substr(6, 4) != "\0\0\0\0"sv)) continue;
        if (s.starts_with(m.bytes)) return m.type;
    }
    if (s.starts_with("RIFF") && s.size() >= 12 && s.substr(8, 4) == "WEBP") return "image/webp";
    if (s.size() >= 132 && s.substr(128, 4) == "DICM") return "application/dicom";
    const auto from = s.substr(0, 1024).find_first_not_of(" \t\r\n");
    if (from != std::string_view::npos && s.substr(from).starts_with("%PDF-")) return "application/pdf";
    return nullptr;
}

std::string lower(std::string_view s)
{
    std::string out(s);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

std::string word(std::string_view s)
{
    return std::string(s.substr(0, word_max));
}

// Text in which nothing is that a text has not; cut by our own look it may end inside a character.
bool is_text(std::string_view s)
{
    for (std::size_t i = 0; i < s.size();) {
        const auto c = static_cast<unsigned char>(s[i]);
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7F) return false;
        const auto n = utf8_length(s, i);
        if (!n) return s.size() - i < 4;
        i += n;
    }
    return !s.empty();
}

// Bytes of an 8-bit encoding we do not know by name: no control characters, most of it ASCII.
bool is_8_bit_text(std::string_view s)
{
    std::size_t high = 0;
    for (char ch : s) {
        const auto c = static_cast<unsigned char>(ch);
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7F) return false;
        high += c >= 0x80;
    }
    return !s.empty() && high * 4 < s.size();
}

// The namespace of the root element, by its own declaration.
std::string root_namespace(std::string_view text, std::string_view root)
{
    const auto at = text.find("<" + std::string(root));
    if (at == std::string_view::npos) return "";
    const auto tag = text.substr(at, text.find('>', at) - at);
    const auto colon = root.find(':');
    const std::string name =
        colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(root.substr(0, colon));
    for (auto i = tag.find(name); i != std::string_view::npos; i = tag.find(name, i + 1)) {
        auto rest = tag.substr(i + name.size());
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
        if (!rest.starts_with('=')) continue;
        rest.remove_prefix(1);
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
        if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) continue;
        return std::string(rest.substr(1, rest.find(rest[0], 1) - 1));
    }
    return "";
}

bool is_html(std::string_view text, std::string_view root)
{
    const auto from = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (lower(local_name(root)) == "html") return true;
    const auto doctype = text.find("<!");
    return doctype == from && lower(text.substr(from, 14)) == "<!doctype html";
}

// The value of the first <type .../>, whatever its prefix, quotes and other attributes.
std::string bundle_type(std::string_view text)
{
    constexpr std::string_view name = "type", blanks = " \t\r\n";
    for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        if (at == 0 || (text[at - 1] != '<' && text[at - 1] != ':')) continue;
        auto tag = text.substr(at + name.size());
        tag = tag.substr(0, tag.find('>'));
        if (tag.empty() || blanks.find(tag[0]) == blanks.npos) continue;
        for (auto i = tag.find("value"); i != tag.npos; i = tag.find("value", i + 1)) {
            if (blanks.find(tag[i - 1]) == blanks.npos) continue;
            const auto equals = tag.find_first_not_of(blanks, i + 5);
            if (equals == tag.npos || tag[equals] != '=') continue;
            const auto quote = tag.find_first_not_of(blanks, equals + 1);
            if (quote == tag.npos || (tag[quote] != '"' && tag[quote] != '\'')) continue;
            return word(tag.substr(quote + 1, tag.find(tag[quote], quote + 1) - quote - 1));
        }
    }
    return "";
}

bool take_xml(std::string_view text, Content& out)
{
    const std::string_view root = root_element(text);
    if (is_html(text, root)) {
        out.type = "text/html";
        return true;
    }
    if (root.empty()) return false;
    const std::string space = root_namespace(text, root);
    const auto name = local_name(root);
    const auto odd = [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
        return !letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' && c != ':';
    };
    // "<jane@clinic.example> wrote:" and "<3" are words.
    if (std::any_of(root.begin(), root.end(), odd) || (root[0] >= '0' && root[0] <= '9') || root[0] == '-' ||
        root[0] == '.')
        return false;
    out.type = "application/xml";
    if (space == "http://hl7.org/fhir") {
        out.type = "application/fhir+xml";
        out.resource = word(name);
        if (name == "Bundle") out.bundle = bundle_type(text);
    } else if (name == "ClinicalDocument") {
        out.type = "application/cda+xml";
    } else if (name == "ContinuityOfCareRecord") {
        out.type = "application/ccr+xml";
    } else if (space == "http://www.w3.org/2000/svg") {
        out.type = "image/svg+xml";
    }
    return true;
}

bool is_frame(char c)
{
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
}

// What a lower layer puts about a message, in whatever order: 0x0B before, 0x1C behind, other controls, ends of
// lines.
std::string_view without_frame(std::string_view s)
{
    if (s.starts_with("\xef\xbb\xbf")) s.remove_prefix(3);
    while (!s.empty() && is_frame(s.front())) s.remove_prefix(1);
    while (!s.empty() && is_frame(s.back())) s.remove_suffix(1);
    return s;
}

// MSH|^~\&|..., alone, framed by a lower layer, or in a file of many (FHS, BHS).
bool take_hl7v2(std::string_view s, Content& out)
{
    s = without_frame(s);
    const auto segment = s.substr(0, 3);
    if (s.size() < 9 || (segment != "MSH" && segment != "FHS" && segment != "BHS")) return false;
    const char separator = s[3];
    const bool word_char = (separator >= 'a' && separator <= 'z') || (separator >= 'A' && separator <= 'Z') ||
                           (separator >= '0' && separator <= '9') || separator == ' ';
    if (word_char || (s[8] != separator && (s.size() < 10 || s[9] != separator))) return false;
    out.type = "x-application/hl7-v2+er7";
    if (segment != "MSH") {
        auto first = s.find("MSH");
        while (first != s.npos && !is_frame(s[first - 1])) first = s.find("MSH", first + 1);
        if (first == s.npos) return true;
        s.remove_prefix(first);
    }
    s = s.substr(0, s.find_first_of("\r\n"));
    // MSH-1 is the separator itself: the ninth field stands behind the eighth one of them.
    std::size_t field = 1;
    for (std::size_t at = 3; at < s.size() && field <= 12;) {
        const auto end = std::min(s.find(separator, at + 1), s.size());
        ++field;
        if (field == 9) out.message_type = word(s.substr(at + 1, end - at - 1));
        if (field == 12) out.message_version = word(s.substr(at + 1, end - at - 1));
        at = end;
    }
    return true;
}

bool take_json(std::string_view text, Content& out)
{
    std::string_view s = text;
    s.remove_prefix(std::min(s.find_first_not_of(" \t\r\n"), s.size()));
    std::string resource, type;
    const bool object = walk_object(s, [&](std::string_view name, std::string_view value) {
        if (name == "resourceType") resource = word(value);
        if (name == "type") type = word(value);
        return resource.empty() || type.empty();
    });
    const bool array = s.size() > 1 && s[0] == '[' &&
                       std::string_view("{[\"]-0123456789tfn \t\r\n").find(s[1]) != std::string_view::npos;
    if (!object && !array) return false;
    out.type = "application/json";
    if (!object || resource.empty()) return true;
    out.type = "application/fhir+json";
    out.resource = resource;
    if (resource == "Bundle") out.bundle = type;
    return true;
}

}  // namespace

Content content_of(std::string_view bytes, std::string_view charset)
{
    Content out;
    auto whole = bytes.substr(0, json_size);
    if (whole.starts_with("\xef\xbb\xbf")) whole.remove_prefix(3);
    bytes = bytes.substr(0, head_size);
    if (const char* type = magic_type(bytes)) {
        out.type = type;
        return out;
    }
    // A 16-bit text is a text only as such; any other must be one before it is mended.
    const XmlText text = xml_text(bytes, charset);
    const bool wide = text.encoding.starts_with("utf-16");
    if (!wide && !is_text(bytes) && !is_8_bit_text(bytes)) {
        // A message begins as nothing else does: a byte in it that no text has does not make it another file.
        take_hl7v2(bytes, out);
        return out;
    }
    out.encoding = text.encoding;
    if (take_xml(text.utf8, out) || take_hl7v2(text.utf8, out) || take_json(wide ? text.utf8 : whole, out))
        return out;
    if (!wide || is_text(text.utf8)) out.type = "text/plain";
    return out;
}

}  // namespace direct::file
