// json_members.cpp - the members of an object that is known to be good: strings and brackets are all there is to look at.
#include <nlohmann/json.hpp>

#include "plugins/host/json_check.h"

namespace direct {
namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string unescaped(std::string_view string)
{
    if (string.find('\\') == std::string_view::npos) return std::string(string.substr(1, string.size() - 2));
    const auto read = nlohmann::json::parse(string, nullptr, false);
    return read.is_string() ? read.get<std::string>() : "";
}

class Members {
public:
    explicit Members(std::string_view object) : s_(object) {}
    std::vector<JsonMember> all()
    {
        std::vector<JsonMember> out;
        take('{');
        for (blanks_over(); i_ < s_.size() && s_[i_] != '}'; blanks_over()) {
            const auto name = string();
            take(':');
            blanks_over();
            out.push_back({name, value()});
            if (i_ < s_.size() && s_[i_] == ',') ++i_;
        }
        return out;
    }

private:
    void blanks_over() { i_ = std::min(s_.find_first_not_of(blanks, i_), s_.size()); }
    void take(char c)
    {
        blanks_over();
        if (i_ < s_.size() && s_[i_] == c) ++i_;
    }
    std::string_view string()
    {
        const auto from = i_++;
        for (; i_ < s_.size() && s_[i_] != '"'; ++i_)
            if (s_[i_] == '\\') ++i_;
        i_ = std::min(i_ + 1, s_.size());
        return s_.substr(from, i_ - from);
    }
    std::string_view value()
    {
        const auto from = i_;
        for (int depth = 0; i_ < s_.size();) {
            const char c = s_[i_];
            if (depth == 0 && (c == ',' || c == '}')) break;
            if (c == '"') {
                string();
                continue;
            }
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            ++i_;
        }
        const auto end = s_.find_last_not_of(blanks, i_ - 1);
        return s_.substr(from, end + 1 - from);
    }

    std::string_view s_;
    std::size_t i_ = 0;
};

}  // namespace

bool JsonMember::is_named(std::string_view plain) const
{
    return unescaped(name) == plain;
}

std::vector<JsonMember> json_members(std::string_view object)
{
    return Members(object).all();
}

std::string json_text_member(std::string_view object, std::string_view name)
{
    std::string out;
    for (const auto& member : json_members(object))
        if (member.is_named(name)) out = member.value.starts_with('"') ? unescaped(member.value) : "";
    return out;
}

}  // namespace direct
