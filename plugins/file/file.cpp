// file.cpp - the plugin of last resort: every document that no other plugin takes is a file, described by
// its name, its declared type and what its first bytes say. It never looks further and cannot fail.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"

namespace {

using direct::JsonWriter;

std::string_view view(direct_bytes b)
{
    return b.data ? std::string_view(b.data, b.len) : std::string_view();
}

struct Magic {
    std::string_view bytes, type;
};
// First bytes that leave no doubt.
constexpr Magic magics[] = {
    {"%PDF-", "application/pdf"},
    {std::string_view("PK\x03\x04", 4), "application/zip"},
    {"\x89PNG\r\n\x1a\n", "image/png"},
    {"\xff\xd8\xff", "image/jpeg"},
    {"GIF87a", "image/gif"},
    {"GIF89a", "image/gif"},
    {std::string_view("II*\0", 4), "image/tiff"},
    {std::string_view("MM\0*", 4), "image/tiff"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
    {"\x1f\x8b", "application/gzip"},
    {"{\\rtf", "application/rtf"},
    {"MSH|", "x-application/hl7-v2+er7"},
};

// Name of the first element after declaration, comments and processing instructions; empty when the
// bytes are not XML.
std::string_view root_element(std::string_view s)
{
    for (;;) {
        const auto at = s.find_first_not_of(" \t\r\n");
        if (at == std::string_view::npos || s[at] != '<') return {};
        s.remove_prefix(at + 1);
        if (s.empty()) return {};
        std::string_view end;
        if (s.starts_with("?"))
            end = "?>";
        else if (s.starts_with("!--"))
            end = "-->";
        else if (s.starts_with("!"))
            end = ">";
        else
            break;
        const auto stop = s.find(end);
        if (stop == std::string_view::npos) return {};
        s.remove_prefix(stop + end.size());
    }
    return s.substr(0, std::min(s.find_first_of(" \t\r\n/>"), s.size()));
}

std::string_view local_name(std::string_view name)
{
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool is_text(std::string_view s)
{
    for (std::size_t i = 0; i < s.size();) {
        const auto c = static_cast<unsigned char>(s[i]);
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') return false;
        const auto n = direct::utf8_length(s, i);
        if (!n) return s.size() - i < 4;  // cut by our own look
        i += n;
    }
    return !s.empty();
}

std::string_view xml_type(std::string_view root)
{
    const auto name = local_name(root);
    if (name == "ClinicalDocument") return "application/cda+xml";
    if (name == "ContinuityOfCareRecord") return "application/ccr+xml";
    if (name == "html" || name == "HTML") return "text/html";
    return "application/xml";
}

// The type the bytes show; empty when they show nothing.
std::string_view sniffed_type(std::string_view content)
{
    for (const auto& m : magics)
        if (content.starts_with(m.bytes)) return m.type;
    std::string_view head = content.substr(0, 4096);
    if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
    if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) return "text/plain";
    if (const auto root = root_element(head); !root.empty()) return xml_type(root);
    if (head.starts_with("<!DOCTYPE html") || head.starts_with("<!doctype html")) return "text/html";
    return is_text(head) ? "text/plain" : "";
}

int recognise(const direct_document*)
{
    return 1;
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    const auto content = view(document->content);
    const auto declared = view(document->media_type);
    const auto sniffed = sniffed_type(content);
    JsonWriter w;
    w.open('{');
    w.field("kind", "file");
    w.field("title", view(document->filename).substr(0, 1024));
    w.field("type", sniffed.empty() ? "application/octet-stream" : sniffed);
    w.field("declaredType", declared.substr(0, 256));
    w.number_field("size", content.size());
    w.close('}');
    if (host->document(host->context, {w.str().data(), w.str().size()})) return DIRECT_LIMIT;
    return DIRECT_PARSED;
}

const direct_parser parser = {
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "file", "1.0", recognise, parse};

}  // namespace

extern "C" __attribute__((visibility("default"))) const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
