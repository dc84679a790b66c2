// tree.h - a parsed policy: its nodes in the order in which they are evaluated.
//
// Inside policy/expr only. Operands stand before their operation, so that evaluation is one loop over the
// nodes and no depth of a text becomes depth of the stack. Immutable after parsing.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/expr/lexer.h"
#include "policy/expr/pattern.h"

namespace direct::expr {

using Index = std::uint32_t;

struct Node {
    enum Type : unsigned char { literal, field, operation } type = literal;
    Operator op{};
    Index left = 0, right = 0;       ///< operands of an operation; a unary one has only `left`
    Index slot = 0;                  ///< of a field: its place in Tree::fields
    std::string text;                ///< of a literal
    std::optional<Pattern> pattern;  ///< of a literal that is the right operand of a match
    std::size_t at = 0;              ///< offset in the source
};

/// A field as the policy uses it; each is read once for an evaluation.
struct UsedField {
    const FieldRow* row;
    bool required;
    friend bool operator==(const UsedField&, const UsedField&) = default;
};

struct Tree {
    bool direct_1 = false;
    std::vector<Node> nodes;  ///< the last one is the policy's own operation
    std::vector<UsedField> fields;
    std::vector<std::string> notes;  ///< what is legal and probably not meant, one message each
    bool uses(Operator op) const;
};

constexpr std::size_t policy_bytes_max = 64 * 1024;  ///< the longest in use have 2 KB
constexpr std::size_t policy_operations_max = 1000;  ///< a list of every policy identifier of a community
constexpr std::size_t policy_depth_max = 1000;       ///< groups and unary operators inside each other

/// Fault: input.
Result<Tree> parse(const Source& source);

/// The one canonical text of a tree: parsing it gives the same tree.
std::string print(const Tree& tree);
/// The same for one node, without the lexicon's line.
std::string print(const Tree& tree, Index node);
/// The same on one line of at most about 120 bytes, for people.
std::string brief(const Tree& tree, Index node);

}  // namespace direct::expr
