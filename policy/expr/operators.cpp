// What each operator does. Kinds are looked at when the operator is applied, as in the language's first
// program: a wrong kind is a fault then, and a fault refuses.
#include <algorithm>
#include <charconv>
#include <limits>

#include "milter/base/text.h"
#include "policy/expr/evaluator.h"

namespace direct::expr {
namespace {

constexpr std::size_t list_searched_max = 1000;  ///< entries held against a regular expression

Fault wrong(Operator op, std::string_view what)
{
    return refuse(Reason::policy, "operator " + std::string(row_of(op).word) + ": " + std::string(what));
}

/// Text of any value; a list is "[a, b]", as the language's first program writes it.
Result<std::string_view> as_text(Operator op, const Value& v, Arena& arena)
{
    switch (v.kind) {
        case Kind::text:
            return v.text;
        case Kind::boolean:
            return std::string_view(v.boolean ? "true" : "false");
        case Kind::integer: {
            char digits[24];
            auto [end, error] = std::to_chars(digits, digits + sizeof digits, v.number);
            static_cast<void>(error);  // 24 bytes hold every number
            return arena.keep({digits, std::size_t(end - digits)});
        }
        case Kind::list:
            break;
    }
    if (v.set) return fail(wrong(op, "the result of {}& has no order and is no text"));
    std::string out = "[";
    for (std::size_t i = 0; i < v.list.size(); ++i) out += (i ? ", " : "") + std::string(v.list[i]);
    return arena.keep(out + "]");
}

Result<std::int64_t> as_integer(Operator op, const Value& v, bool wide)
{
    if (v.kind == Kind::integer) return v.number;
    if (v.kind != Kind::text)
        return fail(wrong(op, v.kind == Kind::list ? "a list is no number" : "a truth value is no number"));
    auto text = v.text;
    if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool narrow = number >= std::numeric_limits<std::int32_t>::min() &&
                  number <= std::numeric_limits<std::int32_t>::max();
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || !(narrow || wide))
        return fail(wrong(op, shown(v) + " is no decimal number of " + (wide ? "64" : "32") + " bits"));
    return number;
}

bool as_boolean(const Value& v)
{
    if (v.kind == Kind::boolean) return v.boolean;
    return v.kind == Kind::text && equal_ignoring_case(v.text, "true");
}

bool holds(const Value& list, std::string_view text)
{
    return std::find(list.list.begin(), list.list.end(), text) != list.list.end();
}

Result<bool> equal(Operator op, const Value& a, const Value& b, Arena& arena)
{
    if (a.kind != Kind::list && b.kind != Kind::list) {
        TRY(auto left, as_text(op, a, arena));
        TRY(auto right, as_text(op, b, arena));
        return left == right;
    }
    if (a.kind != b.kind || a.set != b.set || a.list.size() != b.list.size()) return false;
    if (!a.set) return std::equal(a.list.begin(), a.list.end(), b.list.begin());
    return std::is_permutation(a.list.begin(), a.list.end(), b.list.begin());
}

Result<bool> search(Operator op, const Value& subject, const Value& right, const Pattern* pattern,
                    Arena& arena)
{
    std::optional<Pattern> made;
    if (!pattern) {
        TRY(auto text, as_text(op, right, arena));
        TRY(made, Pattern::compile(text));
        pattern = &*made;
    }
    if (op == Operator::matches) {
        TRY(auto text, as_text(op, subject, arena));
        return pattern->found_in(text);
    }
    if (subject.list.size() > list_searched_max)
        return fail(
            wrong(op, "more than " + std::to_string(list_searched_max) + " entries are not searched"));
    for (auto entry : subject.list) {
        TRY(bool found, pattern->found_in(entry));
        if (found) return true;
    }
    return false;
}

/// A list, or text cut at its commas; empty pieces at the end are dropped.
Result<std::vector<std::string_view>> pieces(Operator op, const Value& v)
{
    if (v.kind == Kind::list) return std::vector<std::string_view>(v.list.begin(), v.list.end());
    if (v.kind != Kind::text) return fail(wrong(op, "wants lists or texts with commas"));
    auto out = split(v.text, ',');
    while (out.size() > 1 && out.back().empty()) out.pop_back();
    if (out.size() == 1 && out.front().empty() && !v.text.empty()) out.clear();
    return out;
}

Result<Value> intersection(Operator op, const Value& a, const Value& b, Arena& arena)
{
    TRY(auto left, pieces(op, a));
    TRY(auto right, pieces(op, b));
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    std::vector<std::string_view> common;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(common));
    common.erase(std::unique(common.begin(), common.end()), common.end());
    auto* kept = static_cast<std::string_view*>(arena.resource()->allocate(
        std::max<std::size_t>(1, common.size()) * sizeof(std::string_view), alignof(std::string_view)));
    std::uninitialized_copy(common.begin(), common.end(), kept);
    auto v = Value::of(std::span<const std::string_view>(kept, common.size()));
    v.set = true;
    return v;
}

Result<Value> on_integers(Operator op, const Value& a, const Value& b)
{
    bool wide = a.wide || b.wide;
    TRY(auto left, as_integer(op, a, wide));
    TRY(auto right, as_integer(op, b, wide));
    switch (op) {
        case Operator::greater:
            return Value::of(left > right);
        case Operator::less:
            return Value::of(left < right);
        case Operator::bit_and:
            return Value::of(left & right);
        default:
            return Value::of(left | right);
    }
}

Result<Value> on_list(Operator op, const Value& list, const Value& right, const Pattern* pattern,
                      Arena& arena)
{
    if (list.kind != Kind::list) return fail(wrong(op, shown(list) + " is no list"));
    switch (op) {
        case Operator::contains:
        case Operator::lacks: {
            bool found = right.kind == Kind::text && holds(list, right.text);
            return Value::of(found == (op == Operator::contains));
        }
        case Operator::size:
            return Value::of(static_cast<std::int64_t>(list.list.size()));
        case Operator::is_empty:
            return Value::of(list.list.empty());
        case Operator::not_empty:
            return Value::of(!list.list.empty());
        default: {
            TRY(bool found, search(op, list, right, pattern, arena));
            return Value::of(found);
        }
    }
}

Result<Value> ask_uri(Operator op, const Value& url, const UriCheck& uri_check)
{
    if (url.kind != Kind::text) return fail(wrong(op, shown(url) + " is no text"));
    if (!uri_check) return fail(wrong(op, "looking whether an address answers is not allowed here"));
    TRY(bool answers, uri_check(url.text));
    return Value::of(answers);
}

}  // namespace

Result<Value> apply(Operator op, const Value& left, const Value& right, const Pattern* pattern, Arena& arena,
                    const UriCheck& uri_check)
{
    switch (op) {
        case Operator::equals:
        case Operator::not_equals: {
            TRY(bool same, equal(op, left, right, arena));
            return Value::of(same == (op == Operator::equals));
        }
        case Operator::matches: {
            TRY(bool found, search(op, left, right, pattern, arena));
            return Value::of(found);
        }
        case Operator::greater:
        case Operator::less:
        case Operator::bit_and:
        case Operator::bit_or:
            return on_integers(op, left, right);
        case Operator::intersection:
            return intersection(op, left, right, arena);
        case Operator::logical_or:
            return Value::of(as_boolean(left) || as_boolean(right));
        case Operator::logical_and:
            return Value::of(as_boolean(left) && as_boolean(right));
        case Operator::logical_not:
            return Value::of(!as_boolean(left));
        case Operator::uri_answers:
            return ask_uri(op, left, uri_check);
        default:
            return on_list(op, left, right, pattern, arena);
    }
}

}  // namespace direct::expr
