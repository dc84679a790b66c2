// The canonical text: an operation that is an operand stands in parentheses, one blank around binary operators.
#include <algorithm>

#include "policy/expr/tree.h"

namespace direct::expr {
namespace {

/// May stand without quotes in a text of either lexicon. Fewer than could: quotes never hurt.
bool plain(std::string_view text)
{
    if (text.empty() || text.find("X509.") != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == ':' ||
               c == '-' || c == '_' || c == '/' || c == ',';
    });
}

class Printer {
public:
    explicit Printer(const Tree& tree) : tree_(tree) {}
    std::string run(Index root);

private:
    void leaf(const Node& node);

    const Tree& tree_;
    std::string out_;
};

void Printer::leaf(const Node& node)
{
    if (node.type == Node::field) {
        const auto& used = tree_.fields[node.slot];
        out_ += used.row->name;
        if (used.required) out_ += '+';
    } else if (!tree_.direct_1 || plain(node.text)) {
        out_ += node.text;
    } else {
        out_ += '"';
        for (char c : node.text) {
            if (c == '"' || c == '\\') out_ += '\\';
            out_ += c;
        }
        out_ += '"';
    }
}

/// With a stack of its own: a tree may be as deep as its longest chain of operators.
std::string Printer::run(Index root)
{
    struct Step {
        Index node = 0;
        bool in_group = false;
        std::string_view text = {};  ///< not a node but this text
    };
    std::vector<Step> todo{{root}};
    while (!todo.empty()) {
        Step step = todo.back();
        todo.pop_back();
        if (!step.text.empty()) {
            out_ += step.text;
            continue;
        }
        const Node& node = tree_.nodes[step.node];
        if (node.type != Node::operation) {
            leaf(node);
            continue;
        }
        const auto& row = row_of(node.op);
        if (step.in_group) {
            out_ += '(';
            todo.push_back({0, false, ")"});
        }
        if (row.operands == 1) {
            out_ += row.word;
            todo.push_back({node.left, true});
        } else {
            todo.push_back({node.right, true});
            todo.push_back({0, false, " "});
            todo.push_back({0, false, row.word});
            todo.push_back({0, false, " "});
            todo.push_back({node.left, true});
        }
    }
    return std::move(out_);
}

}  // namespace

std::string print(const Tree& tree, Index node)
{
    return Printer(tree).run(node);
}

std::string brief(const Tree& tree, Index node)
{
    constexpr std::size_t shown_bytes = 120;
    std::string text = print(tree, node);
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    if (text.size() <= shown_bytes) return text;
    std::size_t end = shown_bytes;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::string print(const Tree& tree)
{
    constexpr std::string_view header = "lexicon: direct-1";
    std::string text = print(tree, static_cast<Index>(tree.nodes.size() - 1));
    if (tree.direct_1) return std::string(header) + "\n" + text;
    // A literal of two lines may look like the header; in the second line of a text it is none.
    return text.starts_with(header) ? "\n" + text : text;
}

}  // namespace direct::expr
