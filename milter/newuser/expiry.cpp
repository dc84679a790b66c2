// expiry.cpp - until when a held record waits, when its sender has said so (X-Direct-Pickup-Expires).
// Pure functions, thread safe.
#include <algorithm>
#include <charconv>
#include <optional>

#include "milter/base/text.h"
#include "milter/newuser/held_record.h"

namespace direct {
namespace {

using std::chrono::hours;
constexpr milliseconds shortest = hours(1);
constexpr milliseconds longest = hours(365 * 24);
constexpr milliseconds day = hours(24);

// "P30D", "P2W", "P1Y2M", "PT12H30M"; a year is 365 days, a month 30. ISO 8601 section 4.4.3 without fractions.
std::optional<milliseconds> iso_duration(std::string_view s)
{
    if (s.size() < 3 || (s[0] != 'P' && s[0] != 'p')) return std::nullopt;
    s.remove_prefix(1);
    bool clock = false, any = false;
    milliseconds total{0};
    while (!s.empty()) {
        if (!clock && (s[0] == 'T' || s[0] == 't')) {
            clock = true;
            any = false;
            s.remove_prefix(1);
            continue;
        }
        unsigned n = 0;
        const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
        // Four digits of years stay far below what milliseconds can count.
        if (error != std::errc() || end - s.data() > 4 || end == s.data() + s.size()) return std::nullopt;
        const char unit = static_cast<char>(*end | 0x20);
        s.remove_prefix(static_cast<std::size_t>(end - s.data()) + 1);
        milliseconds one{0};
        if (clock)
            one = unit == 'h'   ? milliseconds(hours(1))
                  : unit == 'm' ? milliseconds(60'000)
                                : milliseconds(unit == 's' ? 1000 : 0);
        else
            one = unit == 'y'   ? 365 * day
                  : unit == 'm' ? 30 * day
                  : unit == 'w' ? 7 * day
                  : unit == 'd' ? day
                                : milliseconds(0);
        if (one.count() == 0) return std::nullopt;
        total += n * one;
        any = true;
    }
    return any ? std::optional(total) : std::nullopt;
}

std::optional<Time> moment(std::string_view s, Time now)
{
    if (const auto d = iso_duration(s)) return now + *d;
    if (const auto ms = parse_duration_ms(s)) return now + std::min(milliseconds(*ms), longest);
    const auto t = parse_iso8601(s);
    if (!t) return std::nullopt;
    const bool only_date = s.find_first_of("Tt:") == std::string_view::npos;
    return only_date ? *t + day - milliseconds(1) : *t;
}

}  // namespace

Result<Time> expiry_of(std::string_view expires, Time now, milliseconds otherwise)
{
    expires = trim(expires);
    if (expires.empty()) return now + otherwise;
    const auto at = moment(expires, now);
    if (!at)
        return fail(refuse(Reason::malformed, "X-Direct-Pickup-Expires is neither a date nor a duration"));
    if (*at <= now) return fail(refuse(Reason::malformed, "X-Direct-Pickup-Expires lies in the past"));
    return std::clamp(*at, now + shortest, now + longest);
}

}  // namespace direct
