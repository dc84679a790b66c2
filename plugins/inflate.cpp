// inflate.cpp - see inflate.h.
#include "plugins/inflate.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <memory>

namespace direct {
namespace {

struct Free {
    void operator()(::archive* a) const { ::archive_read_free(a); }
};
using Reader = std::unique_ptr<::archive, Free>;

constexpr std::size_t piece_size = 16384;

Reader open(std::string_view gzip)
{
    Reader reader(::archive_read_new());
    // Exactly one filter: what it gives is never looked at again, even if it is a gzip file itself.
    if (!reader || ::archive_read_append_filter(reader.get(), ARCHIVE_FILTER_GZIP) != ARCHIVE_OK ||
        ::archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader.get(), gzip.data(), gzip.size()) != ARCHIVE_OK)
        return {};
    return reader;
}

// Deflated bytes as a gzip file; nobody looks at the checksum of its end, which is filled with `end`.
std::string gzip_of(std::string_view deflated, char end = 0)
{
    using namespace std::string_view_literals;
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff"sv);
    out += deflated;
    out.append(8, end);
    return out;
}

// Takes pieces until more(bytes so far) is false. False when the stream is damaged or ends too early; not when it gives
// nothing at all, for then libarchive does not say why.
template <class More>
bool read_all(std::string_view gzip, std::string& out, More more)
{
    const Reader reader = open(gzip);
    archive_entry* entry = nullptr;
    if (!reader || ::archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return true;
    char piece[piece_size];
    while (more(out.size())) {
        const auto n = ::archive_read_data(reader.get(), piece, sizeof piece);
        if (n <= 0) return n == 0;
        out.append(piece, static_cast<std::size_t>(n));
    }
    return true;
}

std::uint32_t big_endian(std::string_view s)
{
    std::uint32_t out = 0;
    for (char c : s.substr(0, 4)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
}

// RFC 1950, section 8.2.
std::uint32_t adler32(std::string_view bytes)
{
    constexpr std::uint32_t base = 65521;
    constexpr std::size_t run = 5552;  // bytes until the sums must be taken modulo
    std::uint32_t a = 1, b = 0;
    while (!bytes.empty()) {
        for (char c : bytes.substr(0, run)) {
            a += static_cast<unsigned char>(c);
            b += a;
        }
        a %= base;
        b %= base;
        bytes.remove_prefix(std::min(run, bytes.size()));
    }
    return b << 16 | a;
}

// Deflate, a window, no dictionary, and a header that is a multiple of 31 (RFC 1950, section 2.2).
bool has_zlib_header(std::string_view s)
{
    if (s.size() < 6) return false;
    const unsigned method = static_cast<unsigned char>(s[0]), flags = static_cast<unsigned char>(s[1]);
    return (method & 0x0F) == 8 && method >> 4 <= 7 && !(flags & 0x20) && (method << 8 | flags) % 31 == 0;
}

// The checksum of a gzip file, eight bytes before its end, is of the last file in it; there should be one.
bool fits_gzip(std::string_view packed, std::string_view bytes)
{
    const std::uint32_t crc = crc32(bytes);
    for (std::size_t i = 0; i < 4; ++i)
        if (static_cast<unsigned char>(packed[packed.size() - 8 + i]) != (crc >> 8 * i & 0xFF)) return false;
    return true;
}

// fits(bytes): the checksum that came with them.
template <class Fits>
Inflated bounded(std::string_view gzip, std::size_t packed, std::uint64_t most, Fits fits)
{
    Inflated out;
    const bool whole = read_all(gzip, out.bytes, [&](std::size_t size) {
        return size <= most && !inflate_limits::is_too_well_packed(packed, size);
    });
    out.made = out.bytes.size();
    if (!whole)
        out.why = "damaged";
    else if (out.made > most)
        out.why = "more than 64 MB unpacked";
    else if (inflate_limits::is_too_well_packed(packed, out.made))
        out.why = "more than 200 times its packed size";
    else if (!fits(out.bytes))
        out.why = "damaged";
    if (out.why) out.bytes.clear();
    return out;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes)
{
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            t[i] = i;
            for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0xEDB88320u : 0u);
        }
        return t;
    }();
    std::uint32_t c = 0xFFFFFFFFu;
    for (char ch : bytes) c = table[(c ^ static_cast<unsigned char>(ch)) & 0xFF] ^ c >> 8;
    return ~c;
}

std::string inflate(std::string_view deflated, std::size_t most)
{
    std::string out;
    out.reserve(most);
    read_all(gzip_of(deflated), out, [&](std::size_t size) { return size <= most; });
    return out;
}

Inflated inflate_whole(std::string_view packed, Packing packing, std::uint64_t most)
{
    using namespace std::string_view_literals;
    constexpr std::size_t gzip_smallest = 18;
    if (packed.size() >= gzip_smallest && packed.starts_with("\x1f\x8b\x08"sv))
        return bounded(packed, packed.size(), most,
                       [&](std::string_view bytes) { return fits_gzip(packed, bytes); });
    Inflated out;
    if (has_zlib_header(packed)) {
        const std::uint32_t check = big_endian(packed.substr(packed.size() - 4));
        out = bounded(gzip_of(packed.substr(2, packed.size() - 6)), packed.size(), most,
                      [&](std::string_view bytes) { return adler32(bytes) == check; });
        // Deflated bytes may begin like that by chance.
        if (!out.why || packing != Packing::deflate) return out;
    } else if (packing != Packing::deflate) {
        out.why = "damaged";
        return out;
    }
    // Deflated bytes that are cut off may go on in what stands behind them: then it matters what that is.
    const std::uint64_t before = out.made;
    const auto says = [&](std::string_view bytes) { return !bytes.empty() || packed == "\x03\0"sv; };
    out = bounded(gzip_of(packed, '\xff'), packed.size(), most, says);
    std::uint64_t made = before + out.made;
    if (!out.why) {
        const Inflated again = bounded(gzip_of(packed), packed.size(), most, says);
        made += again.made;
        if (again.bytes != out.bytes) out = {"", "damaged"};
    }
    out.made = made;
    return out;
}

}  // namespace direct
