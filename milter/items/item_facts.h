// item_facts.h - what an item is found by: its section, its codes and when it was. Pure functions, thread safe;
// nothing throws but bad_alloc. An item's JSON was checked to be JSON; members of another type are passed over.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace direct {

/// Codes of one item that are indexed: its own, its values', products' and parts', nearest first.
inline constexpr std::size_t codes_per_item_max = 64;

struct ItemCode {
    std::string system, code;  ///< OID or name of the system; may be empty
    bool operator==(const ItemCode&) const = default;
};

struct ItemFacts {
    std::string section;
    std::vector<ItemCode> codes;  ///< translations included; nobody's role, no language, no status
    std::optional<std::int64_t>
        time_ms;  ///< when it began or happened, as far as it is told; UTC when no zone is
};

ItemFacts facts_of_item(std::string_view json);

/// "1985", "2012-08", "2012-08-06T10:20-05:00", "2012-08-06T10:20:30": milliseconds since 1970 of its beginning.
std::optional<std::int64_t> beginning_of(std::string_view iso);

}  // namespace direct
