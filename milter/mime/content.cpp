// content.cpp - Content-* fields and transfer encodings. See content.h.
#include "milter/mime/content.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "milter/base/gobj.h"
#include "milter/base/text.h"
#include "milter/mime/words.h"

namespace direct {
namespace {

constexpr std::size_t most_bytes = 16 * 1024;  // GMime sorts and joins pieces of parameters in lists
constexpr std::size_t longest_filename = 255;  // NAME_MAX

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

void gmime_ready()
{
    static std::once_flag once;
    std::call_once(once, [] { g_mime_init(); });
}

struct Parameter {
    std::string name;
    std::string value;
};

std::vector<Parameter> parameters_of(GMimeParamList* list)
{
    std::vector<Parameter> out;
    for (int i = 0; i < g_mime_param_list_length(list); ++i) {
        GMimeParam* p = g_mime_param_list_get_parameter_at(list, i);
        const char* value = g_mime_param_get_value(p);
        out.push_back({ascii_lower(g_mime_param_get_name(p)), value ? value : ""});
    }
    return out;
}

/// The boundary as RFC 2045 writes it; nothing when there is none or the parameters do not follow it.
std::optional<std::string> plain_boundary(std::string_view s)
{
    s.remove_prefix(std::min(s.find(';'), s.size()));
    while (!s.empty() && s.front() == ';') {
        s.remove_prefix(1);
        if (!skip_comments(s)) return std::nullopt;
        const auto name = s.substr(0, s.find_first_of("=; \t("));
        s.remove_prefix(name.size());
        if (!skip_comments(s)) return std::nullopt;
        if (!s.starts_with('=')) continue;
        s.remove_prefix(1);
        if (!skip_comments(s)) return std::nullopt;
        std::string value;
        if (s.starts_with('"')) {
            auto quoted = take_quoted(s);
            if (!quoted) return std::nullopt;
            value = std::move(*quoted);
        } else {
            value = s.substr(0, s.find_first_of("; \t("));
            s.remove_prefix(value.size());
        }
        if (equal_ignoring_case(name, "boundary")) return value;
        s.remove_prefix(std::min(s.find(';'), s.size()));
    }
    return std::nullopt;
}

bool hint(std::string_view name)
{
    return name == "name" || name == "filename";
}

/// U+202A-202E, U+2066-2069, U+200E, U+200F, U+061C: they make "gpj.exe" of "exe.jpg".
bool direction_character(std::string_view s)
{
    static constexpr std::string_view marks[] = {
        "\xE2\x80\xAA", "\xE2\x80\xAB", "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x81\xA6",
        "\xE2\x81\xA7", "\xE2\x81\xA8", "\xE2\x81\xA9", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xD8\x9C"};
    return std::find(std::begin(marks), std::end(marks), s) != std::end(marks);
}

bool control_character(std::string_view s)
{
    const auto first = static_cast<unsigned char>(s[0]);
    if (s.size() == 1) return first < 32 || first == 127;
    return s.size() == 2 && first == 0xC2 && static_cast<unsigned char>(s[1]) < 0xA0;  // C1
}

}  // namespace

Result<ContentType> read_content_type(std::string_view raw_value)
{
    if (raw_value.size() > most_bytes) return malformed("Content-Type too long");
    gmime_ready();
    const std::string text = unfold(raw_value);
    const auto parsed = GRef<GMimeContentType>::adopt(g_mime_content_type_parse(nullptr, text.c_str()));
    if (!parsed) return malformed("Content-Type cannot be read");
    ContentType out;
    out.type = ascii_lower(g_mime_content_type_get_media_type(parsed.get()));
    out.subtype = ascii_lower(g_mime_content_type_get_media_subtype(parsed.get()));
    for (auto& p : parameters_of(g_mime_content_type_get_parameters(parsed.get()))) {
        const auto [at, added] = out.parameters.try_emplace(p.name, p.value);
        if (added) continue;
        if (!hint(p.name)) return malformed("Content-Type with a parameter given twice");
        at->second = std::move(p.value);
    }
    // GMime decodes encoded words and RFC 2231 pieces in a boundary too; other readers do not.
    if (out.type == "multipart" && out.parameters.contains("boundary") &&
        plain_boundary(text) != out.parameter("boundary"))
        return malformed("boundary that two readers could read differently");
    return out;
}

Result<Disposition> read_disposition(std::string_view raw_value)
{
    if (raw_value.size() > most_bytes) return malformed("Content-Disposition too long");
    gmime_ready();
    const auto parsed = GRef<GMimeContentDisposition>::adopt(
        g_mime_content_disposition_parse(nullptr, unfold(raw_value).c_str()));
    if (!parsed) return malformed("Content-Disposition cannot be read");
    Disposition out;
    if (const char* word = g_mime_content_disposition_get_disposition(parsed.get()))
        out.word = ascii_lower(word);
    for (auto& p : parameters_of(g_mime_content_disposition_get_parameters(parsed.get())))
        if (p.name == "filename") out.filename = std::move(p.value);
    return out;
}

Result<std::string> read_transfer_encoding(std::string_view raw_value)
{
    const auto text = without_comments(raw_value);
    if (!text || text->empty() || text->find_first_of(" \t;,\"") != std::string::npos)
        return malformed("Content-Transfer-Encoding cannot be read");
    return ascii_lower(*text);
}

std::string safe_filename(std::string_view name)
{
    name = name.substr(name.find_last_of("/\\") + 1);
    std::string out;
    for (std::size_t i = 0; i < name.size();) {
        const auto n = utf8_sequence(name, i);
        const auto c = name.substr(i, n ? n : 1);
        if (out.size() + c.size() > longest_filename) break;
        if (n == 0)
            out += '_';
        else if (!control_character(c) && !direction_character(c))
            out += c;
        i += c.size();
    }
    const auto trimmed = trim(out);
    if (trimmed == "." || trimmed == "..") return {};
    return std::string(trimmed);
}

Result<std::string> decode_transfer(std::string_view body, std::string_view encoding)
{
    if (encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary")
        return std::string(body);
    if (encoding == "base64") return unbase64(body);
    if (encoding == "quoted-printable") return unquoted_printable(body);
    return malformed("unknown Content-Transfer-Encoding");
}

namespace {

/// GMime writes a blank in front and a line end behind, and owns nothing afterwards.
std::string taken(char* text, const char* otherwise)
{
    std::string out(text ? trim(text) : std::string_view(otherwise));
    g_free(text);
    return out;
}

}  // namespace

std::string ascii_content_type(std::string_view raw_value)
{
    gmime_ready();
    const auto parsed =
        GRef<GMimeContentType>::adopt(g_mime_content_type_parse(nullptr, unfold(raw_value).c_str()));
    return taken(parsed ? g_mime_content_type_encode(parsed.get(), nullptr) : nullptr,
                 "application/octet-stream");
}

std::string ascii_disposition(std::string_view raw_value)
{
    gmime_ready();
    const auto parsed = GRef<GMimeContentDisposition>::adopt(
        g_mime_content_disposition_parse(nullptr, unfold(raw_value).c_str()));
    return taken(parsed ? g_mime_content_disposition_encode(parsed.get(), nullptr) : nullptr, "attachment");
}

}  // namespace direct
