// split.cpp - exact splitting of header blocks and multiparts. See split.h.
#include "milter/mime/split.h"

#include <algorithm>

#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::size_t longest_line = 998;  // RFC 5322 section 2.1.1

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool white(char c)
{
    return c == ' ' || c == '\t';
}

struct Line {
    std::string_view text;  // without the line end
    std::string_view raw;
};

Line line_at(std::string_view bytes, std::size_t at)
{
    const auto end = bytes.find('\n', at);
    if (end == std::string_view::npos) return {bytes.substr(at), bytes.substr(at)};
    auto text = bytes.substr(at, end - at);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    return {text, bytes.substr(at, end + 1 - at)};
}

std::string_view without_line_end(std::string_view s)
{
    if (!s.empty() && s.back() == '\n') {
        s.remove_suffix(1);
        if (!s.empty() && s.back() == '\r') s.remove_suffix(1);
    }
    return s;
}

/// Length of the field name, or npos when the line is none.
std::size_t name_length(std::string_view line)
{
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::string_view::npos;
    for (const char c : line.substr(0, colon))
        if (c < 33 || c > 126) return std::string_view::npos;
    return colon;
}

enum class Delimiter { none, part, last };

Delimiter delimiter(std::string_view line, std::string_view boundary)
{
    if (line.size() < boundary.size() + 2 || line[0] != '-' || line[1] != '-') return Delimiter::none;
    if (line.compare(2, boundary.size(), boundary) != 0) return Delimiter::none;
    auto rest = line.substr(boundary.size() + 2);
    const bool last = rest.starts_with("--");
    if (last) rest.remove_prefix(2);
    if (!std::all_of(rest.begin(), rest.end(), white)) return Delimiter::none;
    return last ? Delimiter::last : Delimiter::part;
}

/// What stands in the bytes, whatever their lines: many bytes at a time.
struct Octets {
    bool eight_bit = false, nul = false;
};

Octets octets_of(std::string_view s)
{
    constexpr std::size_t block = 64;
    const char* p = s.data();
    std::size_t left = s.size();
    unsigned char seen = 0, zero = 0;
    for (; left >= block; left -= block, p += block)
        for (std::size_t i = 0; i < block; ++i) {
            seen |= static_cast<unsigned char>(p[i]);
            zero |= p[i] == 0;
        }
    for (; left; --left, ++p) {
        seen |= static_cast<unsigned char>(*p);
        zero |= *p == 0;
    }
    return {(seen & 0x80U) != 0, zero != 0};
}

/// For CRLF lines: looks back from where the line must have ended, so short lines are passed over in one step.
bool any_long_line(std::string_view canonical)
{
    while (canonical.size() > longest_line) {
        const auto end = canonical.substr(0, longest_line + 2).rfind('\n');
        if (end == std::string_view::npos) return true;
        canonical.remove_prefix(end + 1);
    }
    return false;
}

/// Each bare CR becomes a line end.
void append_line_without_cr(std::string& out, std::string_view line)
{
    for (auto cr = line.find('\r'); cr != std::string_view::npos; cr = line.find('\r')) {
        out += line.substr(0, cr);
        out += "\r\n";
        line.remove_prefix(cr + 1);
    }
    out += line;
}

}  // namespace

Result<HeaderBlock> split_header(std::string_view bytes, const MimeLimits& limits)
{
    std::vector<HeaderField> fields;
    std::size_t at = 0;
    std::string_view separator;
    while (at < bytes.size()) {
        const Line line = line_at(bytes, at);
        if (line.text.empty()) {
            separator = line.raw;
            break;
        }
        if (at + line.raw.size() > limits.headers) return malformed("header block over limits.headers");
        if (line.text.find('\0') != std::string_view::npos) return malformed("NUL in a header");
        if (line.text.find('\r') != std::string_view::npos) return malformed("bare CR in a header");
        if (white(line.text.front())) {
            if (fields.empty()) return malformed("header begins with a continuation line");
            auto& f = fields.back();
            f.raw = {f.raw.data(), f.raw.size() + line.raw.size()};
            f.value = {f.value.data(),
                       static_cast<std::size_t>(line.text.data() + line.text.size() - f.value.data())};
        } else {
            const auto n = name_length(line.text);
            if (n == std::string_view::npos) return malformed("header line is not a field");
            if (fields.size() == most_fields) return malformed("too many header fields");
            fields.push_back({line.text.substr(0, n), line.text.substr(n + 1), line.raw});
        }
        at += line.raw.size();
    }
    HeaderBlock block;
    block.headers = Headers(std::move(fields));
    block.header_bytes = bytes.substr(0, at);
    block.separator = separator;
    block.body = bytes.substr(at + separator.size());
    return block;
}

Result<MultipartBody> split_multipart(std::string_view body, std::string_view boundary, std::size_t max_parts)
{
    MultipartBody out;
    bool inside = false;
    std::size_t part_begin = 0;
    auto close_part = [&](std::size_t line_begin) {
        out.parts.push_back(without_line_end(body.substr(part_begin, line_begin - part_begin)));
    };
    for (std::size_t at = 0; at < body.size();) {
        const Line line = line_at(body, at);
        const auto kind = delimiter(line.text, boundary);
        if (kind != Delimiter::none) {
            if (inside)
                close_part(at);
            else
                out.preamble = body.substr(0, at);
            if (kind == Delimiter::last) {
                out.closed = true;
                out.epilogue = body.substr(at + line.raw.size());
                return out;
            }
            if (out.parts.size() >= max_parts) return malformed("more parts than limits.mime_parts");
            inside = true;
            part_begin = at + line.raw.size();
        }
        at += line.raw.size();
    }
    if (inside)
        out.parts.push_back(body.substr(part_begin));
    else
        out.preamble = body;
    return out;
}

Result<std::string> boundary_of(const ContentType& type)
{
    std::string boundary = type.parameter("boundary");
    if (boundary.empty()) return malformed("multipart without a boundary");
    if (boundary.size() > 250) return malformed("boundary too long");
    for (const char c : boundary)
        if (c < 32 || c > 126 || c == '"' || c == '\\')
            return malformed("boundary with a forbidden character");
    if (boundary.back() == ' ') return malformed("boundary ends with a blank");
    return boundary;
}

ByteScan scan_bytes(std::string_view bytes)
{
    ByteScan scan;
    const auto octets = octets_of(bytes);
    scan.eight_bit = octets.eight_bit;
    scan.nul = octets.nul;
    if (is_canonical_crlf(bytes)) {
        scan.crlf = bytes.find('\n') != std::string_view::npos;
        scan.long_line = any_long_line(bytes);
        return scan;
    }
    for (std::size_t at = 0; at < bytes.size();) {
        const Line line = line_at(bytes, at);
        const std::size_t end = line.raw.size() - line.text.size();
        scan.crlf |= end == 2;
        scan.lf |= end == 1;
        scan.long_line |= line.text.size() > longest_line;
        scan.bare_cr |= line.text.find('\r') != std::string_view::npos;
        at += line.raw.size();
    }
    return scan;
}

void append_crlf(std::string& out, std::string_view text)
{
    std::size_t from = 0;  // begin of what is canonical and not copied yet
    for (std::size_t at = 0; at < text.size();) {
        const Line line = line_at(text, at);
        const bool ended = line.raw.size() > line.text.size();
        const bool canonical = line.raw.size() - line.text.size() != 1;
        if (!canonical || line.text.find('\r') != std::string_view::npos) {
            out += text.substr(from, at - from);
            append_line_without_cr(out, line.text);
            if (ended) out += "\r\n";
            from = at + line.raw.size();
        }
        at += line.raw.size();
    }
    out += text.substr(from);
}

}  // namespace direct
