// toml_tree.h - a TOML document as a plain tree with positions.
//
// toml++ is heavy to compile; this header keeps it inside toml_tree.cpp. Nothing is interpreted here:
// which names exist and what they may hold is decided by the readers of the tree.
// Errors: a Fault with the position, never an exception. Thread safe (no state).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milter/base/result.h"

namespace direct {

/// A place in the configuration; both count from 1.
struct TomlPosition {
    unsigned line = 1, column = 1;
    friend auto operator<=>(const TomlPosition&, const TomlPosition&) = default;
};

struct TomlMember;

struct TomlNode {
    enum class Kind { table, list, text, number, flag, other };  ///< other: floats, dates, times
    Kind kind = Kind::other;
    std::string text;
    std::int64_t number = 0;
    bool flag = false;
    std::vector<TomlMember> members;  ///< of a table, in the order of the file
    std::vector<TomlNode> items;      ///< of a list
    TomlPosition at;
};

struct TomlMember {
    std::string name;
    TomlPosition at;  ///< of the name, for messages about names
    TomlNode value;
};

/// What a reader says of a node of the wrong kind: "a table", "a list", "text" ...
std::string_view name_of(TomlNode::Kind kind);

/// `text` fit for one line of a message: control characters, and all high bytes where it is not UTF-8,
/// become \xHH. A quoted name in TOML may hold anything.
std::string visible(std::string_view text);

/// Reads a whole document. Fault: configuration; `why` is "PATH:LINE:COLUMN: text".
Result<TomlNode> parse_toml(std::string_view text, const std::string& path);

}  // namespace direct
