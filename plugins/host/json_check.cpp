// json_check.cpp - see json_check.h. One pass; the open brackets are kept as bits of a word, so nothing
// recurses and nothing is allocated.
#include "plugins/host/json_check.h"

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "plugins/json_writer.h"

namespace direct {
namespace {

constexpr int depth_max = 64;
constexpr std::size_t exact_number_max = 300;  // characters without an exponent: below 1e308

/// As nlohmann reads it: by strtod, with the decimal point of the locale.
bool is_finite(std::string_view number)
{
    char text[json_number_max + 1];
    if (number.size() > json_number_max) return false;
    *std::copy(number.begin(), number.end(), text) = '\0';
    if (const auto point = number.find('.'); point != std::string_view::npos)
        text[point] = *std::localeconv()->decimal_point;
    return std::isfinite(std::strtod(text, nullptr));
}

class Checker {
public:
    explicit Checker(std::string_view text) : s_(text) {}
    bool object()
    {
        blanks();
        if (peek() != '{' || !value()) return false;
        blanks();
        return i_ == s_.size();
    }

    /// After object() said no.
    JsonFault fault() const
    {
        const char c = peek();
        const char* what = "no JSON";
        if (number_)
            what = "a number that no double holds";
        else if (depth_ == depth_max && (c == '{' || c == '['))
            what = "more than 64 levels";
        else if (static_cast<unsigned char>(c) >= 0x80 && !utf8_length(s_, i_))
            what = "no UTF-8";
        else if (s_.substr(0, i_).find_first_not_of(" \t\r\n") == s_.npos)
            what = "no JSON object";
        return {i_, what};
    }

private:
    char peek() const { return i_ < s_.size() ? s_[i_] : '\0'; }
    bool take(char c)
    {
        if (i_ >= s_.size() || s_[i_] != c) return false;
        ++i_;
        return true;
    }
    void blanks()
    {
        while (i_ < s_.size() && (s_[i_] == ' ' || s_[i_] == '\t' || s_[i_] == '\n' || s_[i_] == '\r')) ++i_;
    }
    bool word(std::string_view w)
    {
        if (s_.substr(i_, w.size()) != w) return false;
        i_ += w.size();
        return true;
    }
    bool digits()
    {
        const auto from = i_;
        while (i_ < s_.size() && s_[i_] >= '0' && s_[i_] <= '9') ++i_;
        return i_ > from;
    }
    bool number()
    {
        const auto from = i_;
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        bool is_exact = true;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
            is_exact = false;
        }
        const auto written = s_.substr(from, i_ - from);
        if ((is_exact && written.size() <= exact_number_max) || is_finite(written)) return true;
        number_ = true;
        i_ = from;
        return false;
    }
    bool hex4(unsigned& n)
    {
        n = 0;
        for (int k = 0; k < 4; ++k, ++i_) {
            const char c = peek();
            if (c >= '0' && c <= '9')
                n = n * 16 + static_cast<unsigned>(c - '0');
            else if (c >= 'a' && c <= 'f')
                n = n * 16 + static_cast<unsigned>(c - 'a' + 10);
            else if (c >= 'A' && c <= 'F')
                n = n * 16 + static_cast<unsigned>(c - 'A' + 10);
            else
                return false;
        }
        return true;
    }
    bool escape()
    {
        const char c = peek();
        ++i_;
        if (c != 'u') return c && std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
        unsigned n = 0, low = 0;
        if (!hex4(n) || n == 0 || (n >= 0xDC00 && n <= 0xDFFF)) return false;
        if (n < 0xD800 || n > 0xDBFF) return true;
        return take('\\') && take('u') && hex4(low) && low >= 0xDC00 && low <= 0xDFFF;
    }
    bool string()
    {
        if (!take('"')) return false;
        while (i_ < s_.size()) {
            const auto c = static_cast<unsigned char>(s_[i_]);
            if (c == '"') {
                ++i_;
                return true;
            }
            if (c == '\\') {
                ++i_;
                if (!escape()) return false;
            } else if (c < 0x20) {
                return false;
            } else if (c < 0x80) {
                ++i_;
            } else {
                const auto n = utf8_length(s_, i_);
                if (!n) return false;
                i_ += n;
            }
        }
        return false;
    }
    bool scalar()
    {
        switch (peek()) {
            case '"':
                return string();
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }
    bool push(bool is_object)
    {
        if (depth_ == depth_max) return false;
        objects_ = objects_ << 1 | (is_object ? 1u : 0u);
        ++depth_;
        ++i_;
        blanks();
        return true;
    }
    bool in_object() const { return objects_ & 1u; }
    bool member()
    {
        if (!string()) return false;
        blanks();
        if (!take(':')) return false;
        blanks();
        return true;
    }
    /// After a complete value: close what ends here, stop before the next value. False: wrong.
    bool after_value()
    {
        while (depth_) {
            blanks();
            if (take(',')) {
                blanks();
                return !in_object() || member();
            }
            if (!take(in_object() ? '}' : ']')) return false;
            objects_ >>= 1;
            --depth_;
        }
        return true;
    }
    bool value()
    {
        do {
            const char c = peek();
            if (c == '{' || c == '[') {
                if (!push(c == '{')) return false;
                if (peek() == (c == '{' ? '}' : ']')) {
                    if (!after_value()) return false;
                } else if (c == '{' && !member()) {
                    return false;
                }
            } else if (!scalar() || !after_value()) {
                return false;
            }
        } while (depth_);
        return true;
    }

    std::string_view s_;
    std::size_t i_ = 0;
    std::uint64_t objects_ = 0;
    int depth_ = 0;
    bool number_ = false;  // it is what was wrong
};

}  // namespace

std::optional<JsonFault> json_object_fault(std::string_view text)
{
    Checker checker(text);
    if (checker.object()) return std::nullopt;
    return checker.fault();
}

bool is_json_object(std::string_view text)
{
    return Checker(text).object();
}

}  // namespace direct
