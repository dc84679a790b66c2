// quoted_printable.cpp - quoted-printable both ways, by hand: library decoders pass wrong escapes on,
// and then two readers see two documents. See content.h. Source: RFC 2045 section 6.7.
#include <algorithm>

#include "milter/mime/content.h"

namespace direct {
namespace {

constexpr std::size_t longest_line = 76;

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

void append_escape(std::string& out, unsigned char c)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    out += '=';
    out += digits[c >> 4];
    out += digits[c & 15];
}

void encode_line(std::string& out, std::string_view line)
{
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto c = static_cast<unsigned char>(line[i]);
        const bool last = i + 1 == line.size();
        // "From " and "." at a line start are changed by mbox writers and broken SMTP clients.
        const bool risky = column == 0 && (c == '.' || c == 'F');
        const bool blank = c == ' ' || c == '\t';
        const bool plain = !risky && ((c > 32 && c < 127 && c != '=') || (blank && !last));
        if (column + (plain ? 1 : 3) > longest_line - (last ? 0 : 1)) {
            out += "=\r\n";
            column = 0;
            --i;  // the same character again, now at a line start
            continue;
        }
        if (plain)
            out += static_cast<char>(c);
        else
            append_escape(out, c);
        column += plain ? 1 : 3;
    }
}

/// One line without its line end; true: a soft line break, the line end is no text.
Result<bool> decode_line(std::string& out, std::string_view line)
{
    const auto last = line.find_last_not_of(" \t");
    line = line.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const bool soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    while (!line.empty()) {
        const auto escape = std::min(line.find('='), line.size());
        out += line.substr(0, escape);
        line.remove_prefix(escape);
        if (line.empty()) break;
        const int high = line.size() > 2 ? hex_digit(line[1]) : -1;
        const int low = line.size() > 2 ? hex_digit(line[2]) : -1;
        if (high < 0 || low < 0)
            return fail(refuse(Reason::malformed, "quoted-printable with a wrong escape"));
        out += static_cast<char>(high * 16 + low);
        line.remove_prefix(3);
    }
    return soft;
}

}  // namespace

void append_quoted_printable(std::string& out, std::string_view text)
{
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of("\r\n"), text.size());
        encode_line(out, text.substr(0, end));
        text.remove_prefix(end);
        if (text.empty()) break;
        out += "\r\n";
        text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
    }
}

Result<std::string> unquoted_printable(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto end = text.find('\n');
        std::string_view line_end = end == std::string_view::npos ? "" : "\n";
        end = std::min(end, text.size());
        std::string_view line = text.substr(0, end);
        if (!line_end.empty() && line.ends_with('\r')) {
            line.remove_suffix(1);
            line_end = "\r\n";
        }
        TRY(const bool soft, decode_line(out, line));
        if (!soft) out += line_end;
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return out;
}

}  // namespace direct
