#include "milter/ctl/stored_zip.h"

#include <cstdint>
#include <string_view>

namespace direct::ctl {
namespace {

std::uint32_t crc32(std::string_view bytes)
{
    std::uint32_t crc = 0xffffffffu;
    for (char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/// Little-endian, as the format wants.
void put(std::string& out, std::uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

/// What local header and central directory say alike. The date is 1980-01-01: the same anchors give the same zip.
std::string common_fields(const std::string& name, const std::string& content)
{
    std::string out;
    put(out, 20, 2);      // version needed
    put(out, 0x0800, 2);  // the name is UTF-8
    put(out, 0, 2);       // stored
    put(out, 0, 2);
    put(out, 0x21, 2);
    put(out, crc32(content), 4);
    put(out, content.size(), 4);
    put(out, content.size(), 4);
    put(out, name.size(), 2);
    put(out, 0, 2);  // no extra field
    return out;
}

}  // namespace

std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& files)
{
    std::string out, directory;
    for (const auto& [name, content] : files) {
        auto fields = common_fields(name, content);
        directory += std::string("PK\x01\x02\x14\x03", 6) + fields;
        put(directory, 0, 6);  // comment, disk, attributes
        put(directory, std::uint64_t(0100644) << 16, 4);
        put(directory, out.size(), 4);
        directory += name;
        out += "PK\x03\x04" + fields + name + content;
    }
    auto at = out.size();
    out += directory + "PK\x05\x06";
    put(out, 0, 4);
    put(out, files.size(), 2);
    put(out, files.size(), 2);
    put(out, directory.size(), 4);
    put(out, at, 4);
    put(out, 0, 2);
    return out;
}

}  // namespace direct::ctl
