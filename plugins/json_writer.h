// json_writer.h - JSON text written straight into a string: plugins and host make thousands of small
// objects per document, so nothing is built in between. Header only; no errors; one thread per writer.
//
// The result is valid JSON and valid UTF-8 whatever comes in: control characters become blanks and bytes
// that are no UTF-8 become '?'.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace direct {

/// Bytes of the well-formed UTF-8 sequence at s[i], 0 when there is none (RFC 3629).
inline std::size_t utf8_length(std::string_view s, std::size_t i)
{
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
    const auto tail = [&](std::size_t k) { return k < s.size() && (at(k) & 0xC0) == 0x80; };
    const unsigned c = at(i);
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF) return tail(i + 1) ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        if (!tail(i + 1) || !tail(i + 2)) return 0;
        if ((c == 0xE0 && at(i + 1) < 0xA0) || (c == 0xED && at(i + 1) > 0x9F)) return 0;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if (!tail(i + 1) || !tail(i + 2) || !tail(i + 3)) return 0;
        if ((c == 0xF0 && at(i + 1) < 0x90) || (c == 0xF4 && at(i + 1) > 0x8F)) return 0;
        return 4;
    }
    return 0;
}

/// Appends `text` between quotes.
inline void append_json_string(std::string& out, std::string_view text)
{
    out += '"';
    std::size_t plain = 0, i = 0;
    const auto flush = [&] { out.append(text, plain, i - plain); };
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        const std::size_t length = c < 0x80 ? 1 : utf8_length(text, i);
        if (c >= 0x80 && length) {
            i += length;
            continue;
        }
        flush();
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += c < 0x80 ? ' ' : '?';
        }
        plain = ++i;
    }
    flush();
    out += '"';
}

/// Writes one value. Calls must be balanced; commas are put where they belong. Empty text is left out by
/// field(), so that an absent attribute costs nothing.
class JsonWriter {
public:
    void open(char c)
    {
        comma();
        out_ += c;
        first_ = true;
        ++depth_;
    }
    void close(char c)
    {
        out_ += c;
        first_ = false;
        --depth_;
    }
    /// Name of the next member; its value follows.
    void name(std::string_view key)
    {
        comma();
        out_ += '"';
        out_ += key;  // ours: letters only
        out_ += "\":";
        first_ = true;
    }
    void text(std::string_view value)
    {
        comma();
        append_json_string(out_, value);
    }
    void number(std::uint64_t value)
    {
        comma();
        out_ += std::to_string(value);
    }
    void flag(bool value)
    {
        comma();
        out_ += value ? "true" : "false";
    }
    /// A whole JSON value made elsewhere.
    void raw(std::string_view json)
    {
        comma();
        out_ += json;
    }

    void field(std::string_view key, std::string_view value)
    {
        if (value.empty()) return;
        name(key);
        text(value);
    }
    void field(std::string_view key, const char* value) { field(key, std::string_view(value)); }
    void number_field(std::string_view key, std::uint64_t value)
    {
        name(key);
        number(value);
    }
    void flag_field(std::string_view key, bool value)
    {
        name(key);
        flag(value);
    }
    void open_field(std::string_view key, char c)
    {
        name(key);
        open(c);
    }

    std::size_t size() const { return out_.size(); }
    /// Objects and arrays that are open.
    int depth() const { return depth_; }
    const std::string& str() const { return out_; }
    std::string take() { return std::move(out_); }
    void clear()
    {
        out_.clear();
        first_ = true;
        depth_ = 0;
    }

    /// Where we stand; rewind() forgets what was written since.
    struct Mark {
        std::size_t size;
        bool first;
        int depth;
    };
    Mark mark() const { return {out_.size(), first_, depth_}; }
    void rewind(Mark m)
    {
        out_.resize(m.size);
        first_ = m.first;
        depth_ = m.depth;
    }

private:
    void comma()
    {
        if (!first_) out_ += ',';
        first_ = false;
    }
    std::string out_;
    bool first_ = true;
    int depth_ = 0;
};

}  // namespace direct
