// text.cpp - ASCII and Unicode text, hex, line ends, quantities. No state; thread safe.
// Faults: input for what an admin typed, malformed for what a message brought.
#include "milter/base/text.h"

#include <glib.h>

#include <algorithm>
#include <limits>

#include "milter/base/crypto.h"

namespace direct {
namespace {

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What GLib returns may be an answer: overwritten before it is freed.
class GlibText {
public:
    explicit GlibText(char* p) : p_(p) {}
    ~GlibText()
    {
        cleanse(p_, view().size());
        g_free(p_);
    }
    GlibText(const GlibText&) = delete;
    GlibText& operator=(const GlibText&) = delete;
    std::string_view view() const { return p_ ? std::string_view(p_) : std::string_view(); }

private:
    char* p_;
};

char* normalised(std::string_view s)
{
    return g_utf8_normalize(s.data(), static_cast<gssize>(s.size()), G_NORMALIZE_ALL_COMPOSE);
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Optimal string alignment: one insertion, deletion, change or swap of neighbours costs 1.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.size()][b.size()];
}

struct Quantity {
    std::uint64_t number;
    std::string_view unit;
};

std::optional<Quantity> parse_quantity(std::string_view text)
{
    std::size_t i = 0;
    std::uint64_t n = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
        const auto digit = static_cast<std::uint64_t>(text[i] - '0');
        if (n > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
        n = n * 10 + digit;
    }
    if (i == 0) return std::nullopt;
    return Quantity{n, text.substr(i)};
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

template <std::size_t N>
std::optional<std::uint64_t> scaled(std::string_view text, const Unit (&units)[N], std::uint64_t most)
{
    const auto q = parse_quantity(text);
    if (!q) return std::nullopt;
    if (q->number == 0 && q->unit.empty()) return 0;
    for (const auto& unit : units)
        if (unit.name == q->unit) {
            if (q->number > most / unit.factor) return std::nullopt;
            return q->number * unit.factor;
        }
    return std::nullopt;
}

}  // namespace

std::string ascii_lower(std::string_view s)
{
    std::string out(s);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view s)
{
    while (!s.empty() && blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && blank(s.back())) s.remove_suffix(1);
    return s;
}

std::vector<std::string_view> split(std::string_view s, char at)
{
    std::vector<std::string_view> out;
    for (;;) {
        const auto i = s.find(at);
        out.push_back(s.substr(0, i));
        if (i == std::string_view::npos) return out;
        s.remove_prefix(i + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view between)
{
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i) out += between;
        out += parts[i];
    }
    return out;
}

// Table 3-7 of the Unicode standard.
std::size_t utf8_sequence(std::string_view s, std::size_t at)
{
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[at + i]); };
    auto tail = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
    const unsigned char b = byte(0);
    const std::size_t left = s.size() - at;
    if (b < 0x80) return 1;
    if (b < 0xC2) return 0;
    if (b < 0xE0) return left >= 2 && tail(1) ? 2 : 0;
    if (b < 0xF0) {
        if (left < 3 || !tail(1) || !tail(2)) return 0;
        if (b == 0xE0 && byte(1) < 0xA0) return 0;
        if (b == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (b > 0xF4 || left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (b == 0xF0 && byte(1) < 0x90) return 0;
    if (b == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
}

bool valid_utf8(std::string_view s)
{
    for (std::size_t i = 0; i < s.size();) {
        const auto n = utf8_sequence(s, i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

std::size_t count_code_points(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string nfkc_casefold(std::string_view utf8)
{
    if (!valid_utf8(utf8)) return {};
    std::string out;
    out.reserve(utf8.size() * 2);
    // GLib ends at NUL; without this loop "a\0b" would be equal to "a".
    const auto parts = split(utf8, '\0');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i) out += '\0';
        if (parts[i].empty()) continue;
        const GlibText composed(normalised(parts[i]));
        const GlibText folded(g_utf8_casefold(composed.view().data(), -1));
        // Folding can leave a sequence that composes again.
        const GlibText again(normalised(folded.view()));
        out += again.view();
    }
    return out;
}

std::string hex(std::string_view bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

Result<std::string> unhex(std::string_view text)
{
    if (text.size() % 2) return fail(refuse(Reason::input, "hex: odd number of digits"));
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return fail(refuse(Reason::input, "hex: not a hexadecimal digit"));
        out += static_cast<char>(high * 16 + low);
    }
    return out;
}

bool is_canonical_crlf(std::string_view text)
{
    // A LF stands behind each CR and nowhere else. Messages pass through here: blocks of a fixed size are
    // compared many bytes at a time.
    if (text.empty()) return true;
    if (text.front() == '\n' || text.back() == '\r') return false;
    constexpr std::size_t block = 64;
    const char *before = text.data(), *p = before + 1;
    std::size_t left = text.size() - 1;
    for (; left >= block; left -= block, before += block, p += block) {
        unsigned char wrong = 0;
        for (std::size_t i = 0; i < block; ++i) wrong |= (p[i] == '\n') != (before[i] == '\r');
        if (wrong) return false;
    }
    for (; left; --left, ++before, ++p)
        if ((*p == '\n') != (*before == '\r')) return false;
    return true;
}

std::string to_crlf(std::string_view text)
{
    if (is_canonical_crlf(text)) return std::string(text);
    std::string out;
    out.reserve(text.size() + text.size() / 32 + 16);
    while (!text.empty()) {
        const auto lf = text.find('\n');
        auto line = text.substr(0, lf);
        text.remove_prefix(lf == std::string_view::npos ? text.size() : lf + 1);
        if (lf != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
        for (auto cr = line.find('\r'); cr != std::string_view::npos; cr = line.find('\r')) {
            out.append(line.substr(0, cr)).append("\r\n");
            line.remove_prefix(cr + 1);
        }
        out += line;
        if (lf != std::string_view::npos) out += "\r\n";
    }
    return out;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known)
{
    const std::size_t allowed = word.size() <= 2 ? 1 : word.size() <= 7 ? 2 : 3;
    std::size_t best = allowed + 1;
    const std::string* found = nullptr;
    // Long words are cut out first: the distance costs the product of both lengths.
    if (word.size() > 200) return std::nullopt;
    for (const auto& k : known) {
        const auto apart = k.size() > word.size() ? k.size() - word.size() : word.size() - k.size();
        if (apart >= best) continue;
        const auto distance = edit_distance(word, k);
        if (distance < best && distance < word.size()) {
            best = distance;
            found = &k;
        }
    }
    if (!found) return std::nullopt;
    return *found;
}

Result<std::uint64_t> parse_bytes(std::string_view text)
{
    static constexpr Unit units[] = {{"B", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}};
    const auto n = scaled(text, units, std::numeric_limits<std::uint64_t>::max());
    if (!n) return fail(refuse(Reason::input, "not a size (a whole number and B, K, M or G)"));
    return *n;
}

Result<std::int64_t> parse_duration_ms(std::string_view text)
{
    static constexpr Unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    const auto n = scaled(text, units, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (!n) return fail(refuse(Reason::input, "not a duration (a whole number and ms, s, m, h or d)"));
    return static_cast<std::int64_t>(*n);
}

}  // namespace direct
