// Recursive descent over the tokens; depth is bounded before the stack is.
#include <algorithm>

#include "policy/expr/tree.h"

namespace direct::expr {
namespace {

class Parser {
public:
    Parser(const Source& source, Tokens tokens) : source_(source), tokens_(std::move(tokens)) {}
    Result<Tree> run();

private:
    Result<Index> expression();
    Result<Index> operand();
    Result<Index> group();
    Result<Index> unary();
    Result<Index> add(Node node);
    Result<Index> add_operation(const Token& token, Index left, Index right);
    Index add_field(const Token& token);
    Status deeper(const Token& token);
    const Token& here() const { return tokens_.all[at_]; }
    Fault fault(const Token& token, std::string_view what) const { return source_.fault(token.at, what); }

    const Source& source_;
    Tokens tokens_;
    Tree tree_;
    std::size_t at_ = 0, depth_ = 0, operations_ = 0;
};

Status Parser::deeper(const Token& token)
{
    if (++depth_ > policy_depth_max)
        return fail(fault(token, "nested deeper than " + std::to_string(policy_depth_max)));
    return Done{};
}

Result<Index> Parser::add(Node node)
{
    tree_.nodes.push_back(std::move(node));
    return static_cast<Index>(tree_.nodes.size() - 1);
}

Result<Index> Parser::add_operation(const Token& token, Index left, Index right)
{
    if (++operations_ > policy_operations_max)
        return fail(fault(token, "more than " + std::to_string(policy_operations_max) + " operators"));
    Node node;
    node.type = Node::operation;
    node.op = token.op;
    node.left = left;
    node.right = right;
    node.at = token.at;
    // A pattern that is known now is compiled now: its fault is the policy's, not some message's.
    bool match = token.op == Operator::matches || token.op == Operator::contains_match;
    if (match && tree_.nodes[right].type == Node::literal && !tree_.nodes[right].pattern) {
        auto pattern = Pattern::compile(tree_.nodes[right].text);
        if (!pattern) return fail(source_.fault(tree_.nodes[right].at, pattern.error().why));
        tree_.nodes[right].pattern = *std::move(pattern);
    }
    return add(std::move(node));
}

Index Parser::add_field(const Token& token)
{
    UsedField used{token.row, token.required};
    auto found = std::find(tree_.fields.begin(), tree_.fields.end(), used);
    auto slot = static_cast<Index>(found - tree_.fields.begin());
    if (found == tree_.fields.end()) tree_.fields.push_back(used);
    return slot;
}

Result<Index> Parser::operand()
{
    const Token& token = here();
    switch (token.type) {
        case Token::open:
            return group();
        case Token::operation:
            return unary();
        case Token::close:
            return fail(fault(token, "an operand is missing before this )"));
        case Token::end:
            return fail(fault(token, "an operand is missing at the end"));
        case Token::field:
        case Token::literal:
            break;
    }
    ++at_;
    Node node;
    node.at = token.at;
    node.type = token.type == Token::field ? Node::field : Node::literal;
    if (token.type == Token::field)
        node.slot = add_field(token);
    else
        node.text = token.text;
    return add(std::move(node));
}

Result<Index> Parser::group()
{
    const Token& open = here();
    CHECK(deeper(open));
    ++at_;
    if (here().type == Token::close) return fail(fault(open, "the group is empty"));
    TRY(Index inside, expression());
    if (here().type != Token::close) return fail(fault(open, "the group is not closed"));
    ++at_;
    --depth_;
    return inside;
}

Result<Index> Parser::unary()
{
    const Token& token = here();
    const auto& row = row_of(token.op);
    if (row.operands != 1)
        return fail(fault(token, "the operator " + std::string(row.word) + " wants an operand on its left"));
    CHECK(deeper(token));
    ++at_;
    TRY(Index left, operand());
    --depth_;
    return add_operation(token, left, left);
}

/// Operands and binary operators of one group, strictly from left to right.
Result<Index> Parser::expression()
{
    TRY(Index left, operand());
    const Token* first = nullptr;
    bool told = false;
    for (;;) {
        const Token& token = here();
        if (token.type == Token::end || token.type == Token::close) return left;
        if (token.type != Token::operation || row_of(token.op).operands != 2)
            return fail(fault(token, "an operator is missing before this operand"));
        if (first && first->op != token.op && !told) {
            told = true;
            tree_.notes.push_back(source_.message(
                token.at,
                "operators are taken from left to right, none binds more tightly: write parentheses"));
        }
        if (!first) first = &token;
        ++at_;
        TRY(Index right, operand());
        TRY(left, add_operation(token, left, right));
    }
}

Result<Tree> Parser::run()
{
    tree_.notes = std::move(tokens_.notes);
    tree_.direct_1 = tokens_.direct_1;
    if (here().type == Token::end) return fail(fault(here(), "the policy is empty"));
    TRY(Index root, expression());
    if (here().type == Token::close) return fail(fault(here(), "a ) too many"));
    if (tree_.nodes[root].type != Node::operation)
        return fail(
            source_.fault(tree_.nodes[root].at,
                          "a policy must be an operation, not a lone " +
                              std::string(tree_.nodes[root].type == Node::field ? "field" : "literal")));
    return std::move(tree_);
}

}  // namespace

bool Tree::uses(Operator op) const
{
    return std::any_of(nodes.begin(), nodes.end(),
                       [op](const Node& n) { return n.type == Node::operation && n.op == op; });
}

Result<Tree> parse(const Source& source)
{
    if (source.text.size() > policy_bytes_max)
        return fail(refuse(Reason::input, std::string(source.name) + ": longer than " +
                                              std::to_string(policy_bytes_max) + " bytes"));
    TRY(auto tokens, tokens_of(source));
    return Parser(source, std::move(tokens)).run();
}

}  // namespace direct::expr
