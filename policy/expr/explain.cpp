// Telling how an answer came about: the tree with its values, and the one operand to blame.
#include <algorithm>

#include "policy/expr/evaluator.h"

namespace direct::expr {
namespace {

std::string_view word_of(PolicyAnswer::Kind kind)
{
    return kind == PolicyAnswer::complies ? "true" : kind == PolicyAnswer::fails ? "false" : "fault";
}

std::string value_of(const Evaluation& e, Index node)
{
    return node < e.nodes_done ? shown(e.nodes[node]) : "not evaluated";
}

bool is_true(const Evaluation& e, Index node)
{
    const Value& v = e.nodes[node];
    return v.kind == Kind::boolean ? v.boolean : v.kind == Kind::text && shown(v) == "\"true\"";
}

}  // namespace

constexpr std::size_t indented_max = 30;  // a long chain of operators is a deep tree

std::string explain(const Tree& tree, const Evaluation& e)
{
    std::string out(word_of(e.answer.kind));
    if (!e.answer.why.empty()) out += ": " + e.answer.why;
    out += '\n';
    struct Step {
        Index node;
        std::size_t depth;
    };
    std::vector<Step> todo{{static_cast<Index>(tree.nodes.size() - 1), 1}};
    while (!todo.empty()) {
        Step step = todo.back();
        todo.pop_back();
        const Node& node = tree.nodes[step.node];
        if (node.type == Node::literal) continue;  // stands in its operation
        out += std::string(2 * std::min(step.depth, indented_max), ' ') + brief(tree, step.node) + "  =  ";
        // Fields are all read before the first operation.
        if (node.type == Node::field)
            out += node.slot < e.fields_read ? shown(e.fields[node.slot]) : "not read";
        else
            out += value_of(e, step.node);
        out += '\n';
        if (node.type != Node::operation) continue;
        if (row_of(node.op).operands == 2) todo.push_back({node.right, step.depth + 1});
        todo.push_back({node.left, step.depth + 1});
    }
    return out;
}

std::string why_not(const Tree& tree, const Evaluation& e)
{
    if (e.answer.kind == PolicyAnswer::complies) return {};
    if (!e.answer.why.empty()) return e.answer.why;
    // Down to the first operand without which the answer would have been another.
    Index at = static_cast<Index>(tree.nodes.size() - 1);
    bool wanted = true;
    for (const Node* node = &tree.nodes[at]; node->type == Node::operation; node = &tree.nodes[at]) {
        bool both = node->op == Operator::logical_and, either = node->op == Operator::logical_or;
        if (node->op == Operator::logical_not) {
            at = node->left;
            wanted = !wanted;
        } else if (both || either) {
            at = is_true(e, node->left) != wanted ? node->left : node->right;
        } else {
            break;
        }
    }
    const Node& node = tree.nodes[at];
    std::string out = brief(tree, at) + " is " + value_of(e, at);
    if (node.type != Node::operation) return out;
    for (Index operand : {node.left, node.right}) {
        if (operand == node.right && row_of(node.op).operands == 1) break;
        if (tree.nodes[operand].type == Node::literal) continue;
        out += ", " + brief(tree, operand) + " is " + value_of(e, operand);
    }
    return out;
}

}  // namespace direct::expr
