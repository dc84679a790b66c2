// value.h - what a field or an operation is worth while a policy is evaluated, and where its bytes lie.
//
// Inside policy/expr only. A Value borrows: from the certificate, from the policy's literals or from the Arena
// of this evaluation, and is valid as long as they are. Not thread safe; one Arena per evaluation.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace direct::expr {

enum class Kind : unsigned char { text, integer, boolean, list };

struct Value {
    Kind kind = Kind::text;
    bool set = false;   ///< a list without order: the result of {}&
    bool wide = false;  ///< an integer of 64 bits (.Epoch); all others have 32
    bool boolean = false;
    std::int64_t number = 0;
    std::string_view text;
    std::span<const std::string_view> list;

    static Value of(std::string_view t)
    {
        Value v;
        v.text = t;
        return v;
    }
    static Value of(bool b)
    {
        Value v;
        v.kind = Kind::boolean;
        v.boolean = b;
        return v;
    }
    static Value of(std::int64_t n)
    {
        Value v;
        v.kind = Kind::integer;
        v.number = n;
        return v;
    }
    static Value of(std::span<const std::string_view> l)
    {
        Value v;
        v.kind = Kind::list;
        v.list = l;
        return v;
    }
    static Value of(const char*) = delete;  // would be a bool
};

/// Memory of one evaluation: small policies and short fields never reach the heap.
class Arena {
public:
    Arena() : memory_(first_.data(), first_.size()) {}
    std::pmr::memory_resource* resource() { return &memory_; }
    std::string_view keep(std::string_view text);
    std::span<const std::string_view> keep(const std::vector<std::string>& texts);
    /// A span of default values that lives as long as the arena.
    std::span<Value> values(std::size_t count);

private:
    alignas(std::max_align_t) std::array<std::byte, 2048> first_;
    std::pmr::monotonic_buffer_resource memory_;
};

/// As a person reads it: 128, true, "text", ["a", "b"]. Control characters are escaped.
std::string shown(const Value& value);

}  // namespace direct::expr
