#include "policy/expr/lexer.h"

#include <algorithm>
#include <optional>

#include "milter/base/text.h"

namespace direct::expr {
namespace {

constexpr OperatorRow rows[] = {
#define OPERATOR(name, word, operands) {Operator::name, word, operands},
#include "policy/expr/operators.def"
#undef OPERATOR
};
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf", no_break_space = "\xc2\xa0";

const OperatorRow* operator_at(std::string_view text)
{
    const OperatorRow* longest = nullptr;
    for (const auto& row : rows)
        if (text.starts_with(row.word) && (!longest || row.word.size() > longest->word.size()))
            longest = &row;
    return longest;
}

/// Length of the blank at the beginning: one byte up to space, a byte order mark or a no-break space.
std::size_t blank_at(std::string_view text)
{
    if (text.empty()) return 0;
    if (static_cast<unsigned char>(text.front()) <= 0x20) return 1;
    for (auto wide : {byte_order_mark, no_break_space})
        if (text.starts_with(wide)) return wide.size();
    return 0;
}

std::size_t blank_before_end(std::string_view text)
{
    if (text.empty()) return 0;
    if (static_cast<unsigned char>(text.back()) <= 0x20) return 1;
    for (auto wide : {byte_order_mark, no_break_space})
        if (text.ends_with(wide)) return wide.size();
    return 0;
}

class Lexer {
public:
    explicit Lexer(const Source& source) : source_(source), text_(source.text) {}
    Result<Tokens> run();

private:
    Status refuse_foreign();
    Status next();
    void take_header();
    void take_literal(std::size_t from, std::size_t to);
    Status take_quoted();
    bool reserved_at(std::size_t at) const;
    void add(Token::Type type, std::size_t length)
    {
        Token t;
        t.type = type;
        t.at = at_;
        tokens_.all.push_back(std::move(t));
        at_ += length;
    }

    const Source& source_;
    std::string_view text_;
    std::size_t at_ = 0;
    Tokens tokens_;
};

/// What is no policy text at all, said in the words of whoever has such a file.
Status Lexer::refuse_foreign()
{
    constexpr std::string_view java_stream = "\xac\xed";
    if (text_.starts_with(java_stream))
        return fail(source_.fault(0,
                                  "this is a serialised Java object; write the policy as text (directctl "
                                  "policy check reads it)"));
    for (std::size_t i = 0; i < text_.size(); ++i)
        if (text_[i] == '\0') return fail(source_.fault(i, "a NUL byte has no place in a policy"));
    for (std::size_t i = 0; i < text_.size();) {
        auto n = utf8_sequence(text_, i);
        if (n == 0) return fail(source_.fault(i, "not UTF-8"));
        i += n;
    }
    std::size_t i = 0;
    while (auto n = blank_at(text_.substr(i))) i += n;
    if (text_.substr(i).starts_with("<"))
        return fail(source_.fault(i,
                                  "this is the XML form of a policy, or begins with an operator; write the "
                                  "policy as text (directctl policy check reads it)"));
    return Done{};
}

void Lexer::take_header()
{
    std::size_t from = 0;
    if (text_.starts_with(byte_order_mark)) from = byte_order_mark.size();
    auto end = text_.find('\n', from);
    if (trim(text_.substr(from, end == std::string_view::npos ? end : end - from)) != "lexicon: direct-1")
        return;
    tokens_.direct_1 = true;
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
}

bool Lexer::reserved_at(std::size_t at) const
{
    char c = text_[at];
    if (c == '(' || c == ')') return true;
    if (tokens_.direct_1 && (c == '"' || c == '#')) return true;
    auto rest = text_.substr(at);
    return operator_at(rest) || field_at(rest, tokens_.direct_1);
}

void Lexer::take_literal(std::size_t from, std::size_t to)
{
    auto whole = text_.substr(from, to - from), left = whole;
    bool wide = false;
    while (auto n = blank_at(left)) wide |= n > 1, left.remove_prefix(n);
    while (auto n = blank_before_end(left)) wide |= n > 1, left.remove_suffix(n);
    if (left.empty()) return;
    Token t;
    t.type = Token::literal;
    t.at = std::size_t(left.data() - text_.data());
    t.text = left;
    if (wide)
        tokens_.notes.push_back(source_.message(
            t.at, "a byte order mark or no-break space beside this literal was taken for a blank"));
    if (left.starts_with("X509.")) {
        std::vector<std::string> names;
        for (const auto& row : field_rows()) names.emplace_back(row.name);
        auto near = nearest(left, names);
        tokens_.notes.push_back(source_.message(t.at, "no field has this name: it is read as a literal text" +
                                                          (near ? "; nearest is " + *near : "")));
    }
    tokens_.all.push_back(std::move(t));
}

Status Lexer::take_quoted()
{
    Token t;
    t.type = Token::literal;
    t.at = at_;
    t.quoted = true;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
        if (text_[i] == '"') {
            at_ = i + 1;
            tokens_.all.push_back(std::move(t));
            return Done{};
        }
        if (text_[i] == '\\') {
            if (++i == text_.size() || (text_[i] != '"' && text_[i] != '\\'))
                return fail(source_.fault(i - 1, "after \\ only \" or \\ may stand"));
        }
        t.text += text_[i];
    }
    return fail(source_.fault(at_, "the quote is not closed"));
}

Status Lexer::next()
{
    auto rest = text_.substr(at_);
    if (rest.front() == '(' || rest.front() == ')') {
        add(rest.front() == '(' ? Token::open : Token::close, 1);
    } else if (tokens_.direct_1 && rest.front() == '#') {
        auto end = rest.find('\n');
        at_ = end == std::string_view::npos ? text_.size() : at_ + end;
    } else if (tokens_.direct_1 && rest.front() == '"') {
        return take_quoted();
    } else if (const auto* row = operator_at(rest)) {
        add(Token::operation, row->word.size());
        tokens_.all.back().op = row->op;
    } else if (const auto* field = field_at(rest, tokens_.direct_1)) {
        if (field->standing == FieldRow::Standing::not_read)
            return fail(source_.fault(at_, std::string(field->name) + " is not implemented"));
        bool required = field->may_be_required && rest.substr(field->name.size()).starts_with('+');
        add(Token::field, field->name.size() + (required ? 1 : 0));
        tokens_.all.back().row = field;
        tokens_.all.back().required = required;
    } else {
        auto end = at_ + 1;
        while (end < text_.size() && !reserved_at(end)) ++end;
        take_literal(at_, end);
        at_ = end;
    }
    return Done{};
}

Result<Tokens> Lexer::run()
{
    CHECK(refuse_foreign());
    take_header();
    while (at_ < text_.size()) CHECK(next());
    // A fault at the end points behind the last word, not below an empty line.
    at_ = text_.size();
    while (auto n = blank_before_end(text_.substr(0, at_))) at_ -= n;
    add(Token::end, 0);
    return std::move(tokens_);
}

}  // namespace

Result<Tokens> tokens_of(const Source& source)
{
    return Lexer(source).run();
}

const OperatorRow& row_of(Operator op)
{
    return rows[static_cast<std::size_t>(op)];
}

std::string Source::place(std::size_t at) const
{
    auto before = text.substr(0, std::min(at, text.size()));
    auto line = 1 + std::count(before.begin(), before.end(), '\n');
    auto start = before.rfind('\n');
    auto in_line = before.substr(start == std::string_view::npos ? 0 : start + 1);
    std::size_t column = 1;
    for (unsigned char c : in_line) column += (c & 0xc0) != 0x80;
    return std::to_string(line) + ":" + std::to_string(column);
}

std::string Source::message(std::size_t at, std::string_view what) const
{
    constexpr std::size_t shown_before = 60, shown_after = 40;  // of a line that may be 64 KB long
    at = std::min(at, text.size());
    auto start = text.rfind('\n', at == 0 ? 0 : at - 1);
    start = start == std::string_view::npos || at == 0 ? 0 : start + 1;
    auto end = std::min(text.find('\n', at), text.size());
    if (at - start > shown_before) start = at - shown_before;
    if (end - at > shown_after) end = at + shown_after;
    // Not through the middle of a character.
    auto inside = [&](std::size_t i) { return i < text.size() && (text[i] & 0xc0) == 0x80; };
    while (start < at && inside(start)) ++start;
    while (end > at && inside(end)) --end;
    std::string line, caret;
    for (std::size_t i = start; i < end; ++i) {
        unsigned char c = static_cast<unsigned char>(text[i]);
        line += c < 0x20 || c == 0x7f ? ' ' : char(c);
        if (i < at && (c & 0xc0) != 0x80) caret += ' ';
    }
    if (!valid_utf8(line)) line = std::string(line.size(), '?');
    return std::string(name) + ":" + place(at) + ": " + std::string(what) + "\n  " + line + "\n  " + caret +
           "^";
}

Fault Source::fault(std::size_t at, std::string_view what) const
{
    return refuse(Reason::input, message(at, what));
}

}  // namespace direct::expr
