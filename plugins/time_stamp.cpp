// time_stamp.cpp - see time_stamp.h.
#include "plugins/time_stamp.h"

#include <algorithm>
#include <iterator>

#include "plugins/json_writer.h"

namespace direct {
namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int number(std::string_view s, std::size_t at, std::size_t n)
{
    int out = 0;
    for (std::size_t i = at; i < at + n; ++i) out = out * 10 + (s[i] - '0');
    return out;
}

bool in_range(std::string_view d, std::size_t digits)
{
    constexpr int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int month = digits >= 6 ? number(d, 4, 2) : 1, day = digits >= 8 ? number(d, 6, 2) : 1;
    const int year = number(d, 0, 4);
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2 && day == 29 && !leap) return false;
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
    if (digits >= 10 && number(d, 8, 2) > 23) return false;
    if (digits >= 12 && number(d, 10, 2) > 59) return false;
    return digits < 14 || number(d, 12, 2) <= 60;
}

// "-0500" -> "-05:00"; empty when it is no zone.
std::string zone_of(std::string_view z)
{
    if (z.size() != 5 || !std::all_of(z.begin() + 1, z.end(), is_digit)) return "";
    if (number(z, 1, 2) > 14 || number(z, 3, 2) > 59) return "";
    return std::string(z.substr(0, 3)) + ":" + std::string(z.substr(3));
}

}  // namespace

TimeStamp read_time(std::string_view raw)
{
    TimeStamp out;
    std::size_t digits = 0;
    while (digits < raw.size() && is_digit(raw[digits])) ++digits;
    std::string_view rest = raw.substr(digits);
    if (rest.starts_with('.')) {
        std::size_t n = 1;
        while (n < rest.size() && is_digit(rest[n])) ++n;
        rest.remove_prefix(n);
    }
    if (!rest.empty()) {
        if (rest[0] == '+' || rest[0] == '-') out.zone = zone_of(rest);
        if (out.zone.empty()) out.bad = true;
    }
    if (digits > 14) digits = 14;
    constexpr std::size_t steps[] = {14, 12, 10, 8, 6, 4};
    const auto* step = std::find_if(std::begin(steps), std::end(steps), [&](auto n) { return digits >= n; });
    if (step == std::end(steps) || !in_range(raw, *step)) {
        out.bad = true;
        out.zone.clear();
        return out;
    }
    if (*step != digits) out.bad = true;
    out.precision = "smHDMY"[step - std::begin(steps)];
    out.iso = raw.substr(0, 4);
    const std::string_view marks = "--T::";
    for (std::size_t at = 4, i = 0; at < *step; at += 2, ++i) {
        out.iso += marks[i];
        out.iso += raw.substr(at, 2);
    }
    // A zone without a time of day says nothing.
    if (*step >= 10) out.iso += out.zone;
    return out;
}

TimeStamp read_iso_time(std::string_view raw)
{
    TimeStamp none;
    none.bad = true;
    // The digits one after the other, each group behind its mark; the rest is fraction and zone.
    struct Group {
        char mark;
        std::size_t digits;
    };
    constexpr Group groups[] = {{0, 4}, {'-', 2}, {'-', 2}, {'T', 2}, {':', 2}, {':', 2}};
    std::string plain;
    std::string_view rest = raw;
    for (const auto& g : groups) {
        if (g.mark && (rest.empty() || rest[0] != g.mark)) break;
        const std::size_t skip = g.mark ? 1 : 0;
        const auto digits = rest.substr(skip, g.digits);
        // "2005-05:00" is a year with a zone.
        if (g.mark == '-' && rest.size() == 6 && rest[3] == ':') break;
        if (digits.size() != g.digits || !std::all_of(digits.begin(), digits.end(), is_digit)) return none;
        plain += digits;
        rest.remove_prefix(skip + g.digits);
    }
    if (plain.size() == 14 && rest.starts_with('.')) {
        std::size_t n = 1;
        while (n < rest.size() && is_digit(rest[n])) ++n;
        plain += rest.substr(0, n);
        rest.remove_prefix(n);
    }
    if (rest == "Z")
        plain += "+0000";
    else if (rest.size() == 6 && rest[3] == ':')
        plain += std::string(rest.substr(0, 3)) + std::string(rest.substr(4));
    else if (!rest.empty())
        return none;
    return read_time(plain);
}

void time_stamp_members(JsonWriter& json, std::string_view raw, const TimeStamp& time)
{
    json.field("raw", raw);
    json.field("value", time.iso);
    if (time.precision) json.field("precision", std::string_view(&time.precision, 1));
    json.field("zone", time.zone);
    if (time.bad) json.flag_field("bad", true);
}

}  // namespace direct
