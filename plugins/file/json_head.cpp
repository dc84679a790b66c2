// json_head.cpp - see json_head.h. Nesting is counted, not followed: no depth can hurt.
#include "plugins/file/json_head.h"

namespace direct::file {
namespace {

constexpr std::string_view blanks = " \t\r\n";

// A string's bytes; `s` goes on behind its closing quote. False: it does not end here.
bool take_string(std::string_view& s, std::string_view& out)
{
    for (std::size_t i = 1; i < s.size(); ++i) {
        if (s[i] == '\\') {
            ++i;
        } else if (s[i] == '"') {
            out = s.substr(1, i - 1);
            s.remove_prefix(i + 1);
            return true;
        }
    }
    return false;
}

void skip_blanks(std::string_view& s)
{
    const auto n = s.find_first_not_of(blanks);
    s.remove_prefix(n == std::string_view::npos ? s.size() : n);
}

// Any value that is no string, up to the ',' or '}' of its own level. False: it does not end here.
bool skip_value(std::string_view& s)
{
    int depth = 0;
    std::string_view ignored;
    while (!s.empty()) {
        const char c = s.front();
        if (c == '"') {
            if (!take_string(s, ignored)) return false;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}')) return true;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        s.remove_prefix(1);
    }
    return false;
}

}  // namespace

bool walk_object(std::string_view s, const std::function<bool(std::string_view, std::string_view)>& member)
{
    skip_blanks(s);
    if (!s.starts_with('{')) return false;
    s.remove_prefix(1);
    for (bool first = true;; first = false) {
        skip_blanks(s);
        if (first && s.starts_with('}')) return true;
        std::string_view name, value;
        if (s.empty()) return !first;
        if (s.front() != '"') return false;
        // The end of what we were given is no fault of the document's.
        if (!take_string(s, name)) return true;
        skip_blanks(s);
        if (s.empty()) return true;
        if (s.front() != ':') return false;
        s.remove_prefix(1);
        skip_blanks(s);
        if (s.starts_with('"')) {
            if (!take_string(s, value)) return true;
            if (!member(name, value)) return true;
            skip_blanks(s);
        } else if (!skip_value(s)) {
            return true;
        }
        if (s.starts_with('}')) return true;
        if (!s.starts_with(',')) return s.empty();
        s.remove_prefix(1);
    }
}

}  // namespace direct::file
