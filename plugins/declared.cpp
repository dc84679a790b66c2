// declared.cpp - see declared.h.
#include "plugins/declared.h"
#include "plugins/plugin_bytes.h"

namespace direct {
namespace {

// Families of content that a type can promise.
enum class Family { anything, xml, cda, ccr, zip, json, hl7v2, text, html, exactly };

struct Row {
    std::string_view name;
    Family family;
};
constexpr Row media_types[] = {
    {"", Family::anything},
    {"application/octet-stream", Family::anything},
    {"binary/octet-stream", Family::anything},
    {"application/unknown", Family::anything},
    {"application/x-unknown", Family::anything},
    {"text/xml", Family::xml},
    {"application/xml", Family::xml},
    {"application/ccd-xml", Family::cda},
    {"application/ccd+xml", Family::cda},
    {"application/cda-xml", Family::cda},
    {"application/cda+xml", Family::cda},
    {"application/ccda+xml", Family::cda},
    {"application/hl7-cda+xml", Family::cda},
    {"application/hl7-sda+xml", Family::cda},
    {"application/ccr-xml", Family::ccr},
    {"application/ccr+xml", Family::ccr},
    {"application/x-ccr", Family::ccr},
    {"application/zip", Family::zip},
    {"application/x-zip", Family::zip},
    {"application/x-zip-compressed", Family::zip},
    {"application/json", Family::json},
    {"text/json", Family::json},
    {"application/fhir+json", Family::json},
    {"application/json+fhir", Family::json},
    {"application/fhir+xml", Family::xml},
    {"application/xml+fhir", Family::xml},
    {"x-application/hl7-v2+er7", Family::hl7v2},
    {"application/hl7-v2", Family::hl7v2},
    {"application/hl7-v2+er7", Family::hl7v2},
    {"application/edi-hl7", Family::hl7v2},
    {"text/hl7", Family::hl7v2},
    {"text/plain", Family::text},
    {"text/html", Family::html},
    {"application/xhtml+xml", Family::html},
};
constexpr Row endings[] = {
    {"xml", Family::xml},   {"cda", Family::cda},  {"ccd", Family::cda},  {"ccda", Family::cda},
    {"ccr", Family::ccr},   {"zip", Family::zip},  {"xdm", Family::zip},  {"json", Family::json},
    {"hl7", Family::hl7v2}, {"txt", Family::text}, {"htm", Family::html}, {"html", Family::html},
};
// Endings that promise one media type.
struct Ending {
    std::string_view name, type;
};
constexpr Ending exact_endings[] = {
    {"pdf", "application/pdf"}, {"png", "image/png"},       {"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},       {"rtf", "application/rtf"}, {"tif", "image/tiff"}, {"tiff", "image/tiff"},
};

std::string lower(std::string_view s)
{
    std::string out(s);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

// "Text/XML; charset=utf-8" -> "text/xml"
std::string bare_type(std::string_view s)
{
    s = s.substr(0, s.find(';'));
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    return lower(s);
}

struct Promise {
    Family family = Family::anything;
    std::string type;  // of Family::exactly
};

Promise promise_of(std::string_view media_type, std::string_view filename)
{
    const std::string type = bare_type(media_type);
    Promise out{Family::exactly, type};
    for (const auto& row : media_types)
        if (row.name == type) out = {row.family, ""};
    if (out.family == Family::exactly && type.ends_with("+xml")) out = {Family::xml, ""};
    if (out.family == Family::exactly && type.ends_with("+json")) out = {Family::json, ""};
    if (out.family == Family::exactly && type == "application/x-pdf") out.type = "application/pdf";
    if (out.family == Family::exactly && type == "image/jpg") out.type = "image/jpeg";
    if (out.family == Family::exactly && type == "text/rtf") out.type = "application/rtf";
    if (out.family != Family::anything) return out;
    const auto dot = filename.rfind('.');
    if (dot == std::string_view::npos) return out;
    const std::string ending = lower(filename.substr(dot + 1));
    for (const auto& row : endings)
        if (row.name == ending) return {row.family, ""};
    for (const auto& row : exact_endings)
        if (row.name == ending) return {Family::exactly, std::string(row.type)};
    return out;
}

bool is_xml_type(std::string_view type)
{
    return type == "application/xml" || type.ends_with("+xml");
}

// Whether the first bytes could tell such a type from others at all: "text/csv" of plain text agrees.
bool agrees_exactly(std::string_view promised, std::string_view found)
{
    if (found.empty() || found == "application/octet-stream" || promised == found) return true;
    const bool text = promised.starts_with("text/") || promised.starts_with("message/");
    if (text) return found == "text/plain" || found == "text/html";
    // Office documents are zips or OLE containers by their first bytes.
    const bool container = found == "application/zip" || found == "application/x-ole-storage";
    return container && promised.starts_with("application/") && promised != "application/pdf" &&
           promised != "application/rtf";
}

}  // namespace

bool is_mismatch(const Found& found, std::string_view media_type, std::string_view filename)
{
    const Promise promise = promise_of(media_type, filename);
    const bool cda = found.kind == "ccda" || found.kind == "ccd" || found.kind == "cda";
    const bool file = found.kind == "file";
    switch (promise.family) {
        case Family::anything:
            return false;
        case Family::xml:
            return !cda && found.kind != "ccr" && !(file && is_xml_type(found.type));
        case Family::cda:
            return !cda;
        case Family::ccr:
            return found.kind != "ccr";
        case Family::zip:
            return found.kind != "xdm" && !(file && found.type == "application/zip");
        case Family::json:
            return !file || !(found.type == "application/json" || found.type.ends_with("+json"));
        case Family::hl7v2:
            return !file || found.type != "x-application/hl7-v2+er7";
        case Family::text:
            return !file || found.type != "text/plain";
        case Family::html:
            return !file || found.type != "text/html";
        case Family::exactly:
            return !file || !agrees_exactly(promise.type, found.type);
    }
    return false;
}

void declared_fields(JsonWriter& w, const Found& found, const direct_document& document)
{
    const auto type = view(document.media_type), name = view(document.filename);
    w.field("declared", type.substr(0, 256));
    if (is_mismatch(found, type, name)) w.flag_field("mismatch", true);
}

void encoding_fields(JsonWriter& w, const std::string& used, const std::string& xml_declaration,
                     const direct_document& document)
{
    w.field("encoding", used);
    w.field("declaredEncoding", xml_declaration);
    w.field("charset", view(document.charset).substr(0, 40));
}

}  // namespace direct
