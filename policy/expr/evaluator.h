// evaluator.h - one loop over a tree's nodes. Inside policy/expr only. Thread safe; one Evaluation per call.
#pragma once
#include "policy/expr/policy.h"
#include "policy/expr/tree.h"

namespace direct::expr {

/// What came of every node, for explaining; the values live in the arena.
struct Evaluation {
    Arena arena;
    std::span<Value> fields, nodes;
    std::size_t fields_read = 0, nodes_done = 0;  ///< how far it went
    PolicyAnswer answer;
};

void evaluate(const Tree& tree, const Certificate& certificate, const UriCheck& uri_check, Evaluation& into);

/// One operation on its operands. @param pattern  the compiled right operand of a match, or nullptr
/// Fault: policy (wrong kind of operand, no number, a limit).
Result<Value> apply(Operator op, const Value& left, const Value& right, const Pattern* pattern, Arena& arena,
                    const UriCheck& uri_check);

std::string explain(const Tree& tree, const Evaluation& evaluation);
std::string why_not(const Tree& tree, const Evaluation& evaluation);

}  // namespace direct::expr
