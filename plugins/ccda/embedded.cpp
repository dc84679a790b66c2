// embedded.cpp - see embedded.h.
#include "plugins/ccda/embedded.h"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "plugins/ccda/base64.h"
#include "plugins/digest.h"
#include "plugins/inflate.h"
#include "plugins/plugin_bytes.h"

namespace direct::ccda {
namespace {

constexpr std::string_view blanks = " \t\r\n";

// An attribute without the blanks about it.
std::string_view trimmed(pugi::xml_node ed, XmlName name)
{
    std::string_view s = ed.attribute(name).text();
    s.remove_prefix(std::min(s.find_first_not_of(blanks), s.size()));
    return s.substr(0, s.find_last_not_of(blanks) + 1);
}

bool is_same(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Types whose content is read as it stands. RTF is a file, though it is called a text.
bool is_words(std::string_view media)
{
    media = media.substr(0, media.find_first_of("; "));
    const auto begins = [&](std::string_view s) { return is_same(media.substr(0, s.size()), s); };
    const auto ends = [&](std::string_view s) {
        return media.size() > s.size() && is_same(media.substr(media.size() - s.size()), s);
    };
    return media.empty() || (begins("text/") && !is_same(media, "text/rtf")) || ends("/xml") ||
           ends("+xml") || ends("/json") || ends("+json");
}

/// Letters of the first line of a file in base64: fewer may be a word.
constexpr std::size_t first_line_min = 16;

// What no words are: lines of one length (the last one may be shorter), in groups of four, of small and capital letters and
// digits or signs.
bool looks_like_base64(std::string_view s)
{
    std::size_t first = 0, last = 0, all = 0;
    bool small = false, capital = false, other = false;
    while (true) {
        s.remove_prefix(std::min(s.find_first_not_of(blanks), s.size()));
        if (s.empty()) break;
        const std::string_view line = s.substr(0, s.find_first_of(blanks));
        if (first && last != first) return false;
        last = line.size();
        if (!first) first = last;
        all += last;
        for (char c : line) {
            const bool is_small = c >= 'a' && c <= 'z', is_capital = c >= 'A' && c <= 'Z';
            const bool is_other = (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
            if (!is_small && !is_capital && !is_other) return false;
            small = small || is_small;
            capital = capital || is_capital;
            other = other || is_other;
        }
        s.remove_prefix(last);
    }
    return first >= first_line_min && last <= first && all % 4 == 0 && small && capital && other;
}

bool is_assumed(pugi::xml_node ed)
{
    return trimmed(ed, "representation").empty();
}

std::string hex(std::string_view bytes)
{
    std::string out;
    for (unsigned char c : bytes) {
        out += "0123456789abcdef"[c >> 4];
        out += "0123456789abcdef"[c & 15];
    }
    return out;
}

// The check in base64, as the schema has it, or in hexadecimal digits, as it is written too; of the file, or of its packed
// form, for the standard leaves that open. Nothing for an algorithm we do not know.
std::optional<bool> is_intact(pugi::xml_node ed, std::string_view file, std::string_view packed)
{
    const std::string_view check = trimmed(ed, "integrityCheck");
    const std::string_view algorithm = trimmed(ed, "integrityCheckAlgorithm");
    const bool sha1 = algorithm.empty() || is_same(algorithm, "SHA-1"),
               sha256 = is_same(algorithm, "SHA-256");
    if (check.empty() || !(sha1 || sha256)) return {};
    const std::string decoded = hex(decode_base64(check));
    for (const std::string_view bytes : {file, packed}) {
        const std::string digest = sha1 ? sha1_hex(bytes) : sha256_hex(bytes);
        if (decoded == digest || is_same(check, digest)) return true;
    }
    return false;
}

const char* packing_of(std::string_view compression, Packing& out)
{
    if (is_same(compression, "DF"))
        out = Packing::deflate;
    else if (is_same(compression, "ZL"))
        out = Packing::zlib;
    else if (is_same(compression, "GZ"))
        out = Packing::gzip;
    else
        return "packed in a way we do not read";
    return nullptr;
}

std::string container_of(const char* name, std::size_t offset, std::size_t size)
{
    JsonWriter w;
    w.open('{');
    w.field("element", name);
    w.number_field("offset", offset);
    w.number_field("size", size);
    w.close('}');
    return w.take();
}

std::string member(std::string_view name, std::string_view what)
{
    std::string out(name);
    out += what;
    if (name.empty()) out[0] = static_cast<char>(out[0] - 'A' + 'a');
    return out;
}

}  // namespace

std::string raw_text(pugi::xml_node node)
{
    std::string out;
    for (pugi::xml_node n : node.children())
        if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) out += n.value();
    return out;
}

bool is_base64(pugi::xml_node ed)
{
    if (!is_assumed(ed)) return is_same(trimmed(ed, "representation"), "B64");
    return !is_words(trimmed(ed, "mediaType")) && looks_like_base64(raw_text(ed));
}

Embedded read_embedded(Cda& cda, const char* section, pugi::xml_node ed)
{
    Embedded out;
    const std::string encoded = raw_text(ed);
    std::string content = decode_base64(encoded);
    out.encoded_size = encoded.size();
    if (content.empty()) return out;
    const std::string_view compression = trimmed(ed, "compression");
    Inflated inflated;
    if (!compression.empty()) {
        Packing packing{};
        const char* why = packing_of(compression, packing);
        if (!why && !cda.inflate_room()) why = "no room for more files";
        if (!why) {
            inflated = inflate_whole(content, packing, cda.inflate_room());
            cda.inflated(inflated.made);
            why = inflated.why;
        }
        out.not_inflated = why ? why : "";
        if (why) cda.skip(section, "a file was left packed: " + out.not_inflated);
        if (!why) out.packed_size = content.size();
    }
    const std::string_view file = out.packed_size ? inflated.bytes : content;
    out.mismatch = !is_intact(ed, file, content).value_or(true);
    out.content = std::move(out.packed_size ? inflated.bytes : content);
    return out;
}

bool tell_embedded(Cda& cda, pugi::xml_node ed, const Embedded& file)
{
    const std::size_t offset = cda.xml.offset(ed);
    const std::string container = container_of(ed.name(), offset, file.content.size());
    // Its type is that of what is packed.
    const std::string_view media = file.not_inflated.empty() ? ed.attribute("mediaType").value() : "";
    return cda.tell_file(
        offset, {sizeof(direct_child), {}, bytes_of(media), bytes_of(file.content), bytes_of(container)});
}

void embedded_members(Cda& cda, std::string_view name, pugi::xml_node ed, const Embedded& file)
{
    auto& w = cda.json;
    w.field(member(name, "Compression"), ed.attribute("compression").value());
    w.field(member(name, "IntegrityCheck"), ed.attribute("integrityCheck").value());
    w.field(member(name, "IntegrityCheckAlgorithm"), ed.attribute("integrityCheckAlgorithm").value());
    if (file.content.empty()) return;
    w.number_field(member(name, "EncodedSize"), file.encoded_size);
    if (is_assumed(ed)) w.flag_field(member(name, "Base64Assumed"), true);
    if (file.packed_size) w.number_field(member(name, "PackedSize"), file.packed_size);
    w.field(member(name, "NotInflated"), file.not_inflated);
    if (file.mismatch) w.flag_field(member(name, "IntegrityMismatch"), true);
}

bool file_members(Cda& cda, const char* name, pugi::xml_node ed)
{
    auto& w = cda.json;
    const std::string base = name;
    w.field(base + "Representation", ed.attribute("representation").value());
    if (std::strcmp(ed.name(), "text") != 0) return false;
    const Embedded file = read_embedded(cda, "document", ed);
    if (file.content.empty()) return false;
    embedded_members(cda, base, ed, file);
    if (tell_embedded(cda, ed, file)) w.number_field(base + "FileOffset", cda.xml.offset(ed));
    return true;
}

}  // namespace direct::ccda
