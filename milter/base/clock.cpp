// clock.cpp - dates as text. No locale, no time zone data base: everything is UTC. Thread safe.
#include "milter/base/clock.h"

#include <cstdio>
#include <optional>
#include <string_view>

namespace direct {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

struct Parts {
    int year;
    unsigned month, day, weekday, hour, minute, second, milli;
};

Parts parts_of(Time t)
{
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const year_month_day date(day);
    const auto ms = static_cast<unsigned>((t - day).count());
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            std::chrono::weekday(day).c_encoding(),
            ms / 3'600'000,
            ms / 60'000 % 60,
            ms / 1000 % 60,
            ms % 1000};
}

// Reads from the left, once.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}
    bool at_end() const { return text_.empty(); }
    bool take(char c)
    {
        if (text_.empty() || text_.front() != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    std::optional<int> number(std::size_t digits)
    {
        if (text_.size() < digits) return std::nullopt;
        int n = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (text_[i] < '0' || text_[i] > '9') return std::nullopt;
            n = n * 10 + (text_[i] - '0');
        }
        text_.remove_prefix(digits);
        return n;
    }
    /// Digits behind the point, as milliseconds; what is finer is cut off.
    std::optional<int> fraction()
    {
        int ms = 0;
        int weight = 100;
        std::size_t digits = 0;
        for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; ++digits) {
            ms += (text_.front() - '0') * weight;
            weight /= 10;
            text_.remove_prefix(1);
        }
        if (digits == 0 || digits > 9) return std::nullopt;
        return ms;
    }

private:
    std::string_view text_;
};

std::optional<std::chrono::minutes> zone(Reader& in)
{
    if (in.take('Z') || in.take('z')) return std::chrono::minutes(0);
    const bool east = in.take('+');
    if (!east && !in.take('-')) return std::nullopt;
    const auto hours = in.number(2);
    in.take(':');
    const auto minutes = in.number(2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset(*hours * 60 + *minutes);
    return east ? offset : -offset;
}

std::optional<Time> read_time(Reader in)
{
    const auto y = in.number(4);
    if (!y || !in.take('-')) return std::nullopt;
    const auto m = in.number(2);
    if (!m || !in.take('-')) return std::nullopt;
    const auto d = in.number(2);
    if (!d) return std::nullopt;
    const year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                              std::chrono::day(static_cast<unsigned>(*d))};
    if (!date.ok()) return std::nullopt;
    const Time midnight = sys_days(date);
    if (in.at_end()) return midnight;

    if (!in.take('T') && !in.take('t') && !in.take(' ')) return std::nullopt;
    const auto hour = in.number(2);
    if (!hour || *hour > 23 || !in.take(':')) return std::nullopt;
    const auto minute = in.number(2);
    if (!minute || *minute > 59) return std::nullopt;
    int second = 0;
    int milli = 0;
    if (in.take(':')) {
        const auto s = in.number(2);
        if (!s || *s > 60) return std::nullopt;  // 60: a leap second, read as the next minute's first
        second = *s;
        if (in.take('.')) {
            const auto f = in.fraction();
            if (!f) return std::nullopt;
            milli = *f;
        }
    }
    const auto offset = zone(in);
    if (!offset || !in.at_end()) return std::nullopt;
    return midnight + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(second) +
           milliseconds(milli) - *offset;
}

}  // namespace

std::string iso8601(Time t)
{
    const auto p = parts_of(t);
    char out[64];
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", p.year, p.month, p.day, p.hour,
                  p.minute, p.second, p.milli);
    return out;
}

Result<Time> parse_iso8601(std::string_view text)
{
    const auto t = read_time(Reader(text));
    if (!t)
        return fail(refuse(Reason::input,
                           "not a date (2026-11-22, or 2026-11-22T03:10:00Z; a time of day needs a zone)"));
    return *t;
}

std::string rfc5322_date(Time t)
{
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto p = parts_of(t);
    char out[64];
    std::snprintf(out, sizeof out, "%s, %02u %s %04d %02u:%02u:%02u +0000", days[p.weekday], p.day,
                  months[p.month - 1], p.year, p.hour, p.minute, p.second);
    return out;
}

}  // namespace direct
