// lexer.h - a policy's text as tokens, and faults that show their place.
//
// Inside policy/expr only. Words are found by longest match; whatever lies between two reserved words is one
// literal with its inner blanks. Pure, thread safe. Source: the language's lexer rules.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "policy/expr/fields.h"

namespace direct::expr {

enum class Operator : unsigned char {
#define OPERATOR(name, word, operands) name,
#include "policy/expr/operators.def"
#undef OPERATOR
};

struct OperatorRow {
    Operator op;
    std::string_view word;
    int operands;
};
const OperatorRow& row_of(Operator op);

/// A text and its name, for faults: "NAME:LINE:COLUMN: what", the line, and a caret below the place.
struct Source {
    std::string_view name, text;

    /// LINE:COLUMN, both from 1; columns are characters.
    std::string place(std::size_t at) const;
    std::string message(std::size_t at, std::string_view what) const;
    /// Fault: input.
    Fault fault(std::size_t at, std::string_view what) const;
};

struct Token {
    enum Type : unsigned char { open, close, operation, field, literal, end } type = end;
    std::size_t at = 0;  ///< offset in the source
    Operator op{};
    const FieldRow* row = nullptr;
    bool required = false;
    bool quoted = false;
    std::string text;  ///< of a literal
};

struct Tokens {
    bool direct_1 = false;   ///< the first line is "lexicon: direct-1"
    std::vector<Token> all;  ///< the last one is `end`
    std::vector<std::string> notes;
};

/// Fault: input.
Result<Tokens> tokens_of(const Source& source);

}  // namespace direct::expr
