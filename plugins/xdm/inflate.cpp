// inflate.cpp - the bytes of one member. libarchive is handed the packed bytes as a gzip stream of our own
// making: so it sees no name, no directory and no other member, and its zip reader is not needed.
#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>

#include "plugins/xdm/zip.h"

namespace direct::xdm {
namespace {

struct Free {
    void operator()(::archive* a) const { ::archive_read_free(a); }
};
using Reader = std::unique_ptr<::archive, Free>;

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

std::string number32(std::uint64_t n)
{
    std::string out;
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(n >> shift & 0xFF);
    return out;
}

Reader open(const std::string& gzip)
{
    Reader reader(::archive_read_new());
    // Exactly one filter: what it gives is never looked at again, even if it is a gzip file itself.
    if (!reader || ::archive_read_append_filter(reader.get(), ARCHIVE_FILTER_GZIP) != ARCHIVE_OK ||
        ::archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader.get(), gzip.data(), gzip.size()) != ARCHIVE_OK)
        return {};
    return reader;
}

// At most `most` bytes more than told are taken: a member that is larger than it says is known for it then.
std::string inflate(std::string_view packed, const Member& m)
{
    using namespace std::string_view_literals;
    std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\xff"sv);
    gzip += packed;
    gzip += number32(m.crc) + number32(m.size);
    std::string out;
    const Reader reader = open(gzip);
    archive_entry* entry = nullptr;
    // An empty member gives no entry.
    if (!reader || ::archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return out;
    out.reserve(m.size);
    char piece[16384];
    while (out.size() <= m.size) {
        const auto n = ::archive_read_data(reader.get(), piece, sizeof piece);
        if (n <= 0) break;
        out.append(piece, static_cast<std::size_t>(n));
    }
    return out;
}

}  // namespace

std::string unpack(const Zip& zip, const Member& m, std::string& why)
{
    why = m.unreadable;
    if (!why.empty()) return "";
    const auto packed = zip.bytes.substr(m.data, m.packed);
    std::string out = m.method == 0 ? std::string(packed) : inflate(packed, m);
    if (out.size() == m.size && crc32(out) == m.crc) return out;
    why = out.size() == m.size ? "its checksum does not fit" : "its size is not the one told";
    return "";
}

}  // namespace direct::xdm
