// repeats.h - which items of one document say again what another of them said. Documents in the field give one sample id to
// many different things, so an equal id alone is no repetition. One document, one thread; nothing throws but
// bad_alloc.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "plugins/json_writer.h"

namespace direct {

class Repeats {
public:
    /// Writes what an item is to those before it, as a member of the object in work:
    ///   "duplicate": true - one of the same identity said the same, wherever in the document it stands;
    ///   "sameId": true    - one has the same identity, and says something else.
    /// Nothing for the first of an identity, and when `identity` is empty (no id). `content` is the item's members without
    /// its section and place; "path" and all offsets inside it do not count.
    void mark(JsonWriter& json, const std::string& identity, std::string_view content);

private:
    std::unordered_map<std::string, std::unordered_set<std::size_t>> seen_;  // hashes of contents
};

}  // namespace direct
