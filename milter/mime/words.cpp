// words.cpp - text in header fields. See words.h.
#include "milter/mime/words.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "milter/base/text.h"
#include "milter/mime/message.h"

namespace direct {
namespace {

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Stateful or loadable converters outside this list have had holes in the C library.
constexpr std::array known_charsets = {
    "us-ascii",     "ascii",        "utf-8",        "utf8",         "iso-8859-1",   "iso-8859-2",
    "iso-8859-3",   "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",   "iso-8859-8",
    "iso-8859-9",   "iso-8859-10",  "iso-8859-13",  "iso-8859-14",  "iso-8859-15",  "iso-8859-16",
    "latin1",       "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254",
    "windows-1255", "windows-1256", "windows-1257", "windows-1258", "windows-874",  "koi8-r",
    "koi8-u",       "gb2312",       "gbk",          "gb18030",      "big5",         "euc-jp",
    "shift_jis",    "iso-2022-jp",  "euc-kr",       "macintosh",    "tis-620"};

bool ascii(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// One encoded word cut into its pieces.
struct Word {
    std::string_view charset;
    char encoding = 0;
    std::string_view text;
    std::size_t length = 0;  // of the whole word
};

/// The word at the front; nothing when the text only looks a little like one.
std::optional<Word> word_at(std::string_view s)
{
    if (!s.starts_with("=?")) return std::nullopt;
    const auto charset_end = s.substr(0, 64).find('?', 2);
    if (charset_end == std::string_view::npos || charset_end == 2) return std::nullopt;
    const auto charset = s.substr(2, charset_end - 2);
    if (std::any_of(charset.begin(), charset.end(), [](char c) { return c <= 32 || c > 126; }))
        return std::nullopt;
    if (charset_end + 2 >= s.size() || s[charset_end + 2] != '?') return std::nullopt;
    const auto text = charset_end + 3;
    const auto end = s.find_first_of("? \t", text);
    if (end == std::string_view::npos || s[end] != '?' || end + 1 >= s.size() || s[end + 1] != '=')
        return std::nullopt;
    return Word{charset.substr(0, charset.find('*')), s[charset_end + 1], s.substr(text, end - text),
                end + 2};
}

Result<std::string> word_bytes(const Word& word)
{
    if (word.encoding == 'B' || word.encoding == 'b') {
        std::string padded(word.text);
        while (padded.size() % 4) padded += '=';
        return unbase64(padded);
    }
    if (word.encoding != 'Q' && word.encoding != 'q') return malformed("encoded word of unknown encoding");
    std::string out;
    for (std::size_t i = 0; i < word.text.size(); ++i) {
        const char c = word.text[i];
        if (c == '_') {
            out += ' ';
        } else if (c == '=') {
            const auto byte = unhex(word.text.substr(i + 1, 2));
            if (!byte || byte->size() != 1) return malformed("encoded word with a wrong escape");
            out += *byte;
            i += 2;
        } else {
            out += c;
        }
    }
    return out;
}

/// Words of one charset side by side: a character may be cut by the border between them.
struct PendingWords {
    std::string charset;
    std::string bytes;

    Status flush(std::string& out)
    {
        if (charset.empty()) return Done{};
        TRY(const auto text, to_utf8(bytes, charset));
        out += text;
        charset.clear();
        bytes.clear();
        return Done{};
    }
};

/// Words cannot be folded, and a line over 998 is none (RFC 5322 section 2.1.1).
std::size_t longest_word(std::string_view text)
{
    std::size_t longest = 0;
    for (const auto word : split(text, ' ')) longest = std::max(longest, word.size());
    return longest;
}

std::string clean_utf8(std::string_view s)
{
    std::string out;
    for (std::size_t i = 0; i < s.size();) {
        const auto n = utf8_sequence(s, i);
        const auto c = static_cast<unsigned char>(s[i]);
        if (n == 0)
            out += '?';
        else if (c < 32 || c == 127)
            out += ' ';
        else
            out += s.substr(i, n);
        i += n ? n : 1;
    }
    return out;
}

}  // namespace

std::string unfold(std::string_view raw_value)
{
    std::string out;
    out.reserve(raw_value.size());
    for (const char c : trim(raw_value))
        if (c != '\r' && c != '\n') out += c;
    return out;
}

bool skip_comments(std::string_view& s)
{
    std::size_t depth = 0;
    std::size_t i = 0;
    for (; i < s.size(); ++i) {
        if (depth && s[i] == '\\')
            ++i;
        else if (s[i] == '(')
            ++depth;
        else if (depth && s[i] == ')')
            --depth;
        else if (!depth && !white(s[i]))
            break;
    }
    s.remove_prefix(std::min(i, s.size()));
    return depth == 0;
}

std::optional<std::string> take_quoted(std::string_view& s)
{
    if (!s.starts_with('"')) return std::nullopt;
    std::string out;
    for (std::size_t i = 1; i < s.size(); ++i) {
        if (s[i] == '"') {
            s.remove_prefix(i + 1);
            return out;
        }
        if (s[i] == '\\' && ++i == s.size()) break;
        if (s[i] != '\r' && s[i] != '\n') out += s[i];
    }
    return std::nullopt;
}

std::optional<std::string> without_comments(std::string_view raw_value)
{
    const std::string text = unfold(raw_value);
    std::string_view s = text;
    std::string out;
    while (!s.empty()) {
        const auto before = s;
        if (s.front() == '"') {
            if (!take_quoted(s)) return std::nullopt;
            out += before.substr(0, before.size() - s.size());
        } else if (s.front() == '(') {
            if (!skip_comments(s)) return std::nullopt;
            out += ' ';
        } else {
            out += s.front();
            s.remove_prefix(1);
        }
    }
    return std::string(trim(out));
}

Result<std::string> to_utf8(std::string_view bytes, std::string_view charset)
{
    const std::string name = ascii_lower(charset);
    if (std::find(known_charsets.begin(), known_charsets.end(), name) == known_charsets.end())
        return malformed("unknown charset");
    if (name == "utf-8" || name == "utf8") {
        if (!valid_utf8(bytes)) return malformed("text that is not UTF-8 as declared");
        return std::string(bytes);
    }
    if (name == "us-ascii" || name == "ascii") {
        if (!ascii(bytes)) return malformed("text that is not ASCII as declared");
        return std::string(bytes);
    }
    if (bytes.empty()) return std::string();
    gsize written = 0;
    char* text = g_convert(bytes.data(), static_cast<gssize>(bytes.size()), "UTF-8", name.c_str(), nullptr,
                           &written, nullptr);
    if (!text) return malformed("text that does not fit its charset");
    std::string out(text, written);
    g_free(text);
    return out;
}

Result<std::string> decode_text(std::string_view raw_value)
{
    const std::string text = unfold(raw_value);
    if (!valid_utf8(text)) return malformed("header value that is not UTF-8");
    std::string out;
    PendingWords pending;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto next = text.find("=?", at);
        const auto plain = std::string_view(text).substr(at, next == std::string::npos ? next : next - at);
        const auto word =
            next == std::string::npos ? std::nullopt : word_at(std::string_view(text).substr(next));
        // White space between two words is not text (RFC 2047 section 6.2).
        const bool between =
            word && !pending.charset.empty() && std::all_of(plain.begin(), plain.end(), white);
        if (!between) {
            CHECK(pending.flush(out));
            out += plain;
        }
        if (!word) {
            if (next == std::string::npos) break;
            out += "=?";
            at = next + 2;
            continue;
        }
        const std::string charset = ascii_lower(word->charset);
        if (charset != pending.charset) CHECK(pending.flush(out));
        TRY(const auto bytes, word_bytes(*word));
        pending.charset = charset;
        pending.bytes += bytes;
        at = next + word->length;
    }
    CHECK(pending.flush(out));
    return out;
}

std::string fold_text(std::string_view text, std::size_t column)
{
    std::string out;
    while (!text.empty()) {
        auto blank = text.find(' ', 1);
        if (blank == std::string_view::npos) blank = text.size();
        // A line of blanks only would be taken for the end of the header by some readers.
        const bool last_is_blank = std::all_of(text.begin(), text.end(), white);
        if (text.front() == ' ' && column + blank > 76 && !out.empty() && !last_is_blank) {
            out += "\r\n";
            column = 0;
        }
        out += text.substr(0, blank);
        column += blank;
        text.remove_prefix(blank);
    }
    return out;
}

std::string encode_text(std::string_view utf8, std::size_t column)
{
    const std::string text = clean_utf8(utf8);
    const bool looks_encoded = text.find("=?") != std::string::npos;
    if (ascii(text) && !looks_encoded && longest_word(text) < 900) return fold_text(text, column);
    // 45 bytes are 60 characters of base64, 72 with the frame of the word.
    std::size_t room = column < 48 ? (64 - column) / 4 * 3 : 45;
    std::string out;
    for (std::size_t at = 0; at < text.size(); room = 45) {
        std::size_t end = at;
        while (end < text.size()) {
            const auto n = std::max<std::size_t>(1, utf8_sequence(text, end));
            if (end + n - at > room) break;
            end += n;
        }
        if (!out.empty()) out += "\r\n ";
        out += "=?utf-8?B?" + base64(std::string_view(text).substr(at, end - at)) + "?=";
        at = end;
    }
    return out;
}

}  // namespace direct
