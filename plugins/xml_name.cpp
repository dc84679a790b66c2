// xml_name.cpp - see xml_name.h. A hash over the first and the last eight bytes; a name longer than both is compared whole.
#include "plugins/xml_name.h"

#include <bit>
#include <cstring>

namespace direct {
namespace {

constexpr std::uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t zero_bytes(std::uint64_t v)
{
    return (v - ones) & ~v & high;
}

constexpr std::size_t slot_bits = 10;  // three times as many slots as names

struct Key {
    std::uint64_t first = 0, last = 0;  // last: of a name of eight bytes or more
    std::size_t size = 0;               // of such a name
    constexpr std::size_t slot() const
    {
        return (first * 0x9E3779B97F4A7C15u ^ last) * 0xC2B2AE3D27D4EB4Fu >> (64 - slot_bits);
    }
    bool operator==(const Key&) const = default;
};

constexpr std::uint64_t pack(std::string_view s)
{
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < s.size(); ++i)
        out |= std::uint64_t{static_cast<unsigned char>(s[i])} << 8 * i;
    return out;
}

constexpr Key key_of(std::string_view name)
{
    if (name.size() < 8) return {pack(name)};
    return {pack(name.substr(0, 8)), pack(name.substr(name.size() - 8)), name.size()};
}

struct Table {
    std::array<std::uint16_t, 1u << slot_bits> slots{};  // id, 0 = free
    std::array<Key, xml_name_count> keys{};
    consteval Table()
    {
        static_assert(xml_name_count * 3 <= 1u << slot_bits);
        for (std::size_t i = 1; i < xml_name_count; ++i) {
            keys[i] = key_of(xml_names[i - 1]);
            std::size_t at = keys[i].slot();
            while (slots[at]) at = (at + 1) % slots.size();
            slots[at] = static_cast<std::uint16_t>(i);
        }
    }
};
constexpr Table table;

std::uint64_t load(const char* s)
{
    std::uint64_t out;
    std::memcpy(&out, s, sizeof out);
    return out;
}

}  // namespace

std::uint16_t find_xml_name(const char* name)
{
    Key key{load(name)};
    if (const std::uint64_t end = zero_bytes(key.first)) {
        key.first &= end ^ (end - 1);  // nothing behind the end counts
    } else {
        std::uint64_t zeros;
        do zeros = zero_bytes(load(name + (key.size += 8)));
        while (!zeros);
        key.size += static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
        key.last = load(name + key.size - 8);
    }
    std::size_t at = key.slot();
    while (table.slots[at] && table.keys[table.slots[at]] != key) at = (at + 1) % table.slots.size();
    const std::uint16_t id = table.slots[at];
    if (key.size <= 16 || !id) return id;
    return std::memcmp(xml_names[id - 1].data() + 8, name + 8, key.size - 16) == 0 ? id : 0;
}

}  // namespace direct
