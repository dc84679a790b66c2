// json_writer.h - JSON text written straight into a string: plugins and host make thousands of small
// objects per document, so nothing is built in between. Header only; no errors; one thread per writer.
//
// The result is valid JSON and valid UTF-8 whatever comes in: control characters become blanks and bytes
// that are no UTF-8 become '?'.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

/// Copies what is short nearly always without a call. Returns the end.
inline char* put_short(char* p, std::string_view s)
{
    const auto both_ends = [&]<class Word>(Word word) {
        std::memcpy(&word, s.data(), sizeof word);
        std::memcpy(p, &word, sizeof word);
        std::memcpy(&word, s.data() + s.size() - sizeof word, sizeof word);
        std::memcpy(p + s.size() - sizeof word, &word, sizeof word);
    };
    if (s.size() > 16 || s.size() < 2)
        std::memcpy(p, s.data(), s.size());
    else if (s.size() >= 8)
        both_ends(std::uint64_t{});
    else if (s.size() >= 4)
        both_ends(std::uint32_t{});
    else
        both_ends(std::uint16_t{});
    return p + s.size();
}

/// Whether 16 bytes are printable ASCII without quote and backslash.
inline bool are_plain(const char* s)
{
    using Bytes [[gnu::vector_size(16)]] = signed char;
    Bytes v;
    std::memcpy(&v, s, sizeof v);
    const Bytes odd = (v < ' ') | (v == '"') | (v == '\\') | (v == 0x7F);  // above 0x7F is below zero
    std::uint64_t any[2];
    std::memcpy(any, &odd, sizeof any);
    return !(any[0] | any[1]);
}

/// Writes `text` between quotes to `p`, which has room for 2 * text.size() + 2 bytes; returns the end.
inline char* put_json_string(char* p, std::string_view text)
{
    constexpr std::size_t step = 16;
    *p++ = '"';
    for (std::size_t i = 0; i < text.size();) {
        // Nearly all text is plain: 16 bytes at a time.
        const std::size_t from = i;
        for (; i + step <= text.size() && are_plain(text.data() + i); p += step, i += step)
            std::memcpy(p, text.data() + i, step);
        // What is left behind such a run, with the end of the run once more.
        if (i != from && i + step > text.size() && are_plain(text.data() + text.size() - step)) {
            p += text.size() - i;
            std::memcpy(p - step, text.data() + text.size() - step, step);
            break;
        }
        // Up to the next odd one, or the end.
        for (std::size_t n = step; n && i < text.size(); --n, ++i) {
            const auto c = static_cast<unsigned char>(text[i]);
            if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
                *p++ = static_cast<char>(c);
                continue;
            }
            if (const std::size_t length = c < 0x80 ? 0 : utf8_length(text, i)) {
                std::memcpy(p, text.data() + i, length);
                p += length;
                i += length - 1;
                continue;
            }
            // What has a short form of its own; the rest is no character JSON or we could show.
            const char escaped = c == '\n'               ? 'n'
                                 : c == '\r'             ? 'r'
                                 : c == '\t'             ? 't'
                                 : c == '"' || c == '\\' ? static_cast<char>(c)
                                                         : '\0';
            if (escaped) *p++ = '\\';
            *p++ = escaped ? escaped : c < 0x80 ? ' ' : '?';
        }
    }
    *p++ = '"';
    return p;
}

/// Appends `text` between quotes.
inline void append_json_string(std::string& out, std::string_view text)
{
    const std::size_t before = out.size();
    out.resize(before + 2 * text.size() + 2);
    const char* end = put_json_string(out.data() + before, text);
    out.resize(static_cast<std::size_t>(end - out.data()));
}

/// Writes one value. Calls must be balanced; commas are put where they belong. Empty text is left out by
/// field(), so that an absent attribute costs nothing. The memory is kept for the next value.
class JsonWriter {
public:
    void open(char c)
    {
        char* p = comma(room(2));
        *p++ = c;
        size_ = at(p);
        first_ = true;
        ++depth_;
    }
    void close(char c)
    {
        *room(1) = c;
        ++size_;
        first_ = false;
        --depth_;
    }
    /// Name of the next member; its value follows.
    void name(std::string_view key)
    {
        char* p = comma(room(key.size() + 4));
        *p++ = '"';
        p = put_short(p, key);  // ours: letters only
        *p++ = '"';
        *p++ = ':';
        size_ = at(p);
        first_ = true;
    }
    void text(std::string_view value)
    {
        size_ = at(put_json_string(comma(room(2 * value.size() + 3)), value));
    }
    void number(std::uint64_t value) { raw(std::to_string(value)); }
    void flag(bool value) { raw(value ? "true" : "false"); }
    /// A whole JSON value made elsewhere.
    void raw(std::string_view json)
    {
        char* p = comma(room(json.size() + 1));
        std::memcpy(p, json.data(), json.size());
        size_ = at(p + json.size());
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

    std::size_t size() const { return size_; }
    /// Objects and arrays that are open.
    int depth() const { return depth_; }
    /// Valid until the next call.
    std::string_view str() const { return {buffer_.get(), size_}; }
    std::string take()
    {
        std::string out(str());
        clear();
        return out;
    }
    void clear()
    {
        size_ = 0;
        first_ = true;
        depth_ = 0;
    }

    /// Where we stand; rewind() forgets what was written since.
    struct Mark {
        std::size_t size;
        bool first;
        int depth;
    };
    Mark mark() const { return {size_, first_, depth_}; }
    void rewind(Mark m)
    {
        size_ = m.size;
        first_ = m.first;
        depth_ = m.depth;
    }

private:
    // Where to write, with room for n bytes more.
    char* room(std::size_t n)
    {
        if (capacity_ - size_ < n) grow(n);
        return buffer_.get() + size_;
    }
    void grow(std::size_t n)
    {
        const std::size_t capacity = std::max(size_ + n, 2 * capacity_ + 256);
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        if (size_) std::memcpy(larger.get(), buffer_.get(), size_);
        buffer_ = std::move(larger);
        capacity_ = capacity;
    }
    char* comma(char* p)
    {
        if (!first_) *p++ = ',';
        first_ = false;
        return p;
    }
    std::size_t at(const char* p) const { return static_cast<std::size_t>(p - buffer_.get()); }

    std::unique_ptr<char[]> buffer_;
    std::size_t size_ = 0, capacity_ = 0;
    bool first_ = true;
    int depth_ = 0;
};

}  // namespace direct
