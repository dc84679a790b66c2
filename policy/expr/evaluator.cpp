#include "policy/expr/evaluator.h"

namespace direct::expr {
namespace {

/// Every field the policy names is read before the first operator: a required one that is missing decides,
/// also in a branch that would not count.
bool read_fields(const Tree& tree, const Certificate& certificate, Evaluation& e)
{
    for (; e.fields_read < tree.fields.size(); ++e.fields_read) {
        const auto& used = tree.fields[e.fields_read];
        auto found = used.row->read(certificate, used.row->detail, e.arena);
        if (!found) {
            e.answer.why = std::string(used.row->name) + ": " + found.error().why;
            return false;
        }
        bool empty = used.row->kind == Kind::list && found->value.list.empty();
        if (used.required && (!found->present || empty)) {
            e.answer.kind = PolicyAnswer::fails;
            e.answer.why = "the required field " + std::string(used.row->name) + " is missing";
            return false;
        }
        e.fields[e.fields_read] = found->value;
    }
    return true;
}

bool run_nodes(const Tree& tree, const UriCheck& uri_check, Evaluation& e)
{
    for (; e.nodes_done < tree.nodes.size(); ++e.nodes_done) {
        const Node& node = tree.nodes[e.nodes_done];
        Value& value = e.nodes[e.nodes_done];
        if (node.type == Node::literal) {
            value = Value::of(std::string_view(node.text));
            continue;
        }
        if (node.type == Node::field) {
            value = e.fields[node.slot];
            continue;
        }
        const auto& pattern = tree.nodes[node.right].pattern;
        auto result = apply(node.op, e.nodes[node.left], e.nodes[node.right], pattern ? &*pattern : nullptr,
                            e.arena, uri_check);
        if (!result) {
            e.answer.why = brief(tree, static_cast<Index>(e.nodes_done)) + ": " + result.error().why;
            return false;
        }
        value = *result;
    }
    return true;
}

}  // namespace

void evaluate(const Tree& tree, const Certificate& certificate, const UriCheck& uri_check, Evaluation& e)
{
    e.fields = e.arena.values(tree.fields.size());
    e.nodes = e.arena.values(tree.nodes.size());
    if (!read_fields(tree, certificate, e) || !run_nodes(tree, uri_check, e)) return;
    const Value& result = e.nodes.back();
    if (result.kind != Kind::boolean) {
        e.answer.why = "the result is " + shown(result) + ", neither true nor false";
        return;
    }
    e.answer.kind = result.boolean ? PolicyAnswer::complies : PolicyAnswer::fails;
}

}  // namespace direct::expr
