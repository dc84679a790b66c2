// code.cpp - pick-up codes and the states of a held record: the small closed tables.
//
// 23 characters: no vowels, so that no word comes about, and no two that are read as one another (0 O, 1 I L,
// 2 Z, 5 S, 8 B, U V). 23 is prime: with different weights the check character finds every single wrong
// character and every exchange of two. 19 random characters are 85 bits. Pure but for randomness, thread safe.
#include <algorithm>
#include <array>

#include "milter/base/crypto.h"
#include "milter/newuser/held_record.h"

namespace direct {
namespace {

constexpr std::string_view alphabet = "23456789CDFGHJKMNPQRTWX";
constexpr unsigned base = 23;
static_assert(alphabet.size() == base);
constexpr std::size_t code_size = 20;

// Position i weighs i + 1, so 1..20: all different, none a multiple of 23.
unsigned weighted_sum(std::string_view code)
{
    unsigned sum = 0;
    for (std::size_t i = 0; i < code.size(); ++i)
        sum += static_cast<unsigned>(i + 1) * static_cast<unsigned>(alphabet.find(code[i]));
    return sum % base;
}

struct Change {
    std::string_view from, to;
};
// Source: pick-up manual "States". A person may answer before the hand-over of the notice was noted, and after
// a notice came back; unlocking leads back to notified.
constexpr std::array changes = {
    Change{"held", "notified"},          Change{"held", "notify-failed"},
    Change{"held", "answered"},          Change{"held", "locked"},
    Change{"held", "revoked"},           Change{"held", "expired"},
    Change{"notified", "reminded"},      Change{"notified", "notify-failed"},
    Change{"notified", "answered"},      Change{"notified", "locked"},
    Change{"notified", "revoked"},       Change{"notified", "expired"},
    Change{"reminded", "reminded"},      Change{"reminded", "notify-failed"},
    Change{"reminded", "answered"},      Change{"reminded", "locked"},
    Change{"reminded", "revoked"},       Change{"reminded", "expired"},
    Change{"notify-failed", "notified"}, Change{"notify-failed", "answered"},
    Change{"notify-failed", "locked"},   Change{"notify-failed", "revoked"},
    Change{"notify-failed", "expired"},  Change{"answered", "picked-up"},
    Change{"answered", "revoked"},       Change{"answered", "expired"},
    Change{"picked-up", "added"},        Change{"picked-up", "declined"},
    Change{"picked-up", "expired"},      Change{"declined", "added"},
    Change{"declined", "expired"},       Change{"added", "expired"},
    Change{"locked", "notified"},        Change{"locked", "revoked"},
    Change{"locked", "expired"},         Change{"notify-failed", "purged"},
    Change{"locked", "purged"},          Change{"revoked", "purged"},
    Change{"expired", "purged"},
};

}  // namespace

std::string new_pickup_code()
{
    std::string code;
    while (code.size() < code_size - 1) {
        for (const char c : random_bytes(code_size)) {
            const auto byte = static_cast<unsigned char>(c);
            // 230 is the last multiple of 23 in a byte; above it the first characters would come more often.
            if (byte < 230 && code.size() < code_size - 1) code += alphabet[byte % base];
        }
    }
    const unsigned sum = weighted_sum(code);
    for (const char check : alphabet)
        if ((sum + code_size * alphabet.find(check)) % base == 0) return code + check;
    return {};  // not reached: 20 has an inverse modulo 23
}

std::string normal_code(std::string_view code)
{
    std::string out;
    for (char c : code.substr(0, 4 * code_size)) {
        if (c == '-' || c == ' ' || c == '\t') continue;
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (alphabet.find(c) == std::string_view::npos) return {};
        out += c;
    }
    return out.size() == code_size && weighted_sum(out) == 0 ? out : std::string();
}

bool plausible_code(std::string_view code)
{
    return !normal_code(code).empty();
}

std::string printable_code(std::string_view code)
{
    std::string out;
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (i && i % 4 == 0) out += '-';
        out += code[i];
    }
    return out;
}

bool may_change(std::string_view from, std::string_view to)
{
    return std::any_of(changes.begin(), changes.end(),
                       [&](const Change& c) { return c.from == from && c.to == to; });
}

}  // namespace direct
