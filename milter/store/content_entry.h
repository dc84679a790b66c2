// content_entry.h - the value of Table::content: small content itself, or the mark that a file of this
// id belongs to a committed record (what sweep() goes by). Pure functions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "milter/base/result.h"

namespace direct {

struct ContentEntry {
    bool in_file = false;
    std::uint64_t size = 0;  ///< plain bytes
    bool own_key = false;    ///< `bytes` are sealed once more, under the record's own key
    std::string bytes;       ///< empty when in_file
};

std::string encode(const ContentEntry& entry);
/// Fault: temporary (damaged).
Result<ContentEntry> decode_content_entry(std::string_view bytes);

}  // namespace direct
