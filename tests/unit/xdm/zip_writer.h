// zip_writer.h - zips made byte by byte, honest or lying in any field. Names, sizes and places are what the
// test says they are; left alone they are true.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace direct::test {

struct ZipEntry {
    std::string name, content;
    bool deflated = false;  ///< as deflate blocks that hold the bytes as they are (at most 64 KB)
    unsigned flags = 0;
    unsigned made_by = 20;  ///< 3 << 8: Unix, then attributes >> 16 is the mode
    std::uint32_t attributes = 0;
    bool zip64 = false;       ///< sizes and place in the extra field
    bool descriptor = false;  ///< sizes behind the bytes, none in the local header
    std::optional<std::uint32_t> size, packed, crc, offset;  ///< in the directory
    std::optional<std::string> local_name;
    std::optional<unsigned> method;
};

inline std::string little(std::uint64_t n, int bytes)
{
    std::string out;
    for (; bytes > 0; --bytes, n >>= 8) out += static_cast<char>(n & 0xFF);
    return out;
}

inline std::uint32_t zip_crc(const std::string& bytes)
{
    std::uint32_t c = 0xFFFFFFFF;
    for (char ch : bytes) {
        c ^= static_cast<unsigned char>(ch);
        for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
    }
    return ~c;
}

struct ZipMade {
    std::string bytes;
    std::size_t directory = 0, end = 0;  ///< where they stand
};

inline ZipMade make_zip(const std::vector<ZipEntry>& entries, const std::string& comment = "",
                        bool zip64_end = false)
{
    ZipMade out;
    std::string directory;
    for (const auto& e : entries) {
        std::string packed = e.content;
        if (e.deflated)
            packed = '\x01' + little(e.content.size(), 2) + little(~e.content.size() & 0xFFFF, 2) + e.content;
        const unsigned method = e.method.value_or(e.deflated ? 8 : 0);
        const std::uint32_t crc = e.crc.value_or(zip_crc(e.content));
        const std::uint64_t place = e.offset.value_or(static_cast<std::uint32_t>(out.bytes.size()));
        const std::uint64_t packed_size = e.packed.value_or(static_cast<std::uint32_t>(packed.size()));
        const std::uint64_t size = e.size.value_or(static_cast<std::uint32_t>(e.content.size()));
        const unsigned flags = e.flags | (e.descriptor ? 8u : 0u);
        const auto sizes = [&](bool none, bool wide) {
            if (none) return little(0, 12);
            if (wide) return little(crc, 4) + little(0xFFFFFFFF, 4) + little(0xFFFFFFFF, 4);
            return little(crc, 4) + little(packed_size, 4) + little(size, 4);
        };
        const std::string local_name = e.local_name.value_or(e.name);
        const std::string wide =
            e.zip64 ? little(1, 2) + little(16, 2) + little(size, 8) + little(packed_size, 8) : "";
        const std::string wider = e.zip64 ? little(1, 2) + little(24, 2) + little(size, 8) +
                                                little(packed_size, 8) + little(place, 8)
                                          : "";
        out.bytes += "PK\x03\x04" + little(20, 2) + little(flags, 2) + little(method, 2) + little(0, 4) +
                     sizes(e.descriptor, e.zip64) + little(local_name.size(), 2) + little(wide.size(), 2) +
                     local_name + wide + packed;
        if (e.descriptor)
            out.bytes += "PK\x07\x08" + little(crc, 4) + little(packed_size, 4) + little(size, 4);
        directory += "PK\x01\x02" + little(e.made_by, 2) + little(20, 2) + little(flags, 2) +
                     little(method, 2) + little(0, 4) + sizes(false, e.zip64) + little(e.name.size(), 2) +
                     little(wider.size(), 2) + little(0, 6) + little(e.attributes, 4) +
                     little(e.zip64 ? 0xFFFFFFFF : place, 4) + e.name + wider;
    }
    out.directory = out.bytes.size();
    out.bytes += directory;
    if (zip64_end) {
        const std::size_t at = out.bytes.size();
        out.bytes += "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
                     little(entries.size(), 8) + little(entries.size(), 8) + little(directory.size(), 8) +
                     little(out.directory, 8);
        out.bytes += "PK\x06\x07" + little(0, 4) + little(at, 8) + little(1, 4);
    }
    out.end = out.bytes.size();
    const std::uint64_t count = zip64_end ? 0xFFFF : entries.size();
    out.bytes += "PK\x05\x06" + little(0, 4) + little(count, 2) + little(count, 2) +
                 little(zip64_end ? 0xFFFFFFFF : directory.size(), 4) +
                 little(zip64_end ? 0xFFFFFFFF : out.directory, 4) + little(comment.size(), 2) + comment;
    return out;
}

inline std::string zip_of(const std::vector<ZipEntry>& entries)
{
    return make_zip(entries).bytes;
}

}  // namespace direct::test
