// lru_shards.h - a bounded map, least recently used entries leave first; sixteen shards with a lock each,
// so that threads seldom meet. Entries are copied out. Thread safe.
#pragma once
#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace direct {

/// Entry: copyable, with `std::string_view key() const` into memory it owns.
template <class Entry>
class LruShards {
public:
    explicit LruShards(std::size_t entries) : per_shard_(std::max<std::size_t>(1, entries / shard_count)) {}

    std::optional<Entry> find(std::string_view key)
    {
        Shard& shard = shard_of(key);
        std::lock_guard guard(shard.lock);
        auto it = shard.by_key.find(key);
        if (it == shard.by_key.end()) return {};
        shard.order.splice(shard.order.begin(), shard.order, it->second);
        return *it->second;
    }

    /// Puts the entry in the place of one with the same key.
    void put(Entry entry)
    {
        Shard& shard = shard_of(entry.key());
        std::lock_guard guard(shard.lock);
        if (auto it = shard.by_key.find(entry.key()); it != shard.by_key.end()) drop(shard, it->second);
        shard.order.push_front(std::move(entry));
        shard.by_key.emplace(shard.order.front().key(), shard.order.begin());
        if (shard.order.size() > per_shard_) drop(shard, std::prev(shard.order.end()));
    }

private:
    static constexpr std::size_t shard_count = 16;
    using Place = typename std::list<Entry>::iterator;
    struct Shard {
        std::mutex lock;
        std::list<Entry> order;
        std::unordered_map<std::string_view, Place> by_key;  // views into order
    };

    // The high bits choose the shard, the map inside uses the low ones.
    Shard& shard_of(std::string_view key)
    {
        return shards_[(std::hash<std::string_view>{}(key) >> 48) % shard_count];
    }
    static void drop(Shard& shard, Place place)
    {
        shard.by_key.erase(place->key());
        shard.order.erase(place);
    }

    std::size_t per_shard_;
    std::array<Shard, shard_count> shards_;
};

}  // namespace direct
