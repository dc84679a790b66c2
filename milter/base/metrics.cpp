// metrics.cpp - numbers that only grow, in atomics, printed as Prometheus text.
// Relaxed order is enough: nobody concludes anything from two numbers read together.
#include "milter/base/metrics.h"

#include <array>
#include <atomic>
#include <cstdio>

#include "milter/base/reason.h"

namespace direct {
namespace {

enum class Kind { counter, gauge, histogram };

struct Row {
    Kind kind;
    const char* name;
    const char* doc;
};

constexpr Row rows[] = {
#define METRIC(name, kind, unit, doc) {Kind::kind, #name, doc},
#include "conf/metrics.def"
#undef METRIC
};

constexpr std::size_t metric_count = static_cast<std::size_t>(Metric::count_);
constexpr std::size_t reason_count = 0
#define REASON(name, token, smtp, dsn, early, peer, admin) +1
#include "milter/base/reasons.def"
#undef REASON
    ;

// Upper bounds 1 ms, 2 ms, 4 ms ... 65.536 s; one more place for what took longer.
constexpr std::size_t bounds = 17;
constexpr std::int64_t bound_ms(std::size_t i)
{
    return std::int64_t{1} << i;
}

struct Cell {
    std::atomic<std::int64_t> value{0};  ///< of a histogram: the number of observations
    std::atomic<std::int64_t> nanoseconds{0};
    std::array<std::atomic<std::int64_t>, bounds + 1> buckets{};
};

std::array<Cell, metric_count> cells;
std::array<std::atomic<std::int64_t>, reason_count> decisions;

constexpr auto relaxed = std::memory_order_relaxed;

Cell& cell(Metric m)
{
    return cells[static_cast<std::size_t>(m)];
}

std::string seconds_text(double s)
{
    char out[40];
    std::snprintf(out, sizeof out, "%.9g", s);
    return out;
}

void head(std::string& out, const std::string& name, const char* type, const char* doc)
{
    out += "# HELP " + name + " " + doc + "\n# TYPE " + name + " " + type + "\n";
}

void sample(std::string& out, const std::string& name, const std::string& value)
{
    out += name + " " + value + "\n";
}

void histogram(std::string& out, const std::string& name, const Cell& c)
{
    // The total is the sum of the buckets just read, so that "+Inf" and _count agree while others add.
    std::int64_t total = 0;
    for (std::size_t i = 0; i < bounds; ++i) {
        total += c.buckets[i].load(relaxed);
        sample(out, name + "_bucket{le=\"" + seconds_text(static_cast<double>(bound_ms(i)) / 1e3) + "\"}",
               std::to_string(total));
    }
    total += c.buckets[bounds].load(relaxed);
    sample(out, name + "_bucket{le=\"+Inf\"}", std::to_string(total));
    sample(out, name + "_sum", seconds_text(static_cast<double>(c.nanoseconds.load(relaxed)) / 1e9));
    sample(out, name + "_count", std::to_string(total));
}

}  // namespace

void count(Metric m, std::int64_t by)
{
    cell(m).value.fetch_add(by, relaxed);
}

void set_gauge(Metric m, std::int64_t value)
{
    cell(m).value.store(value, relaxed);
}

void observe(Metric m, std::chrono::nanoseconds took)
{
    auto& c = cell(m);
    std::size_t i = 0;
    while (i < bounds && took > std::chrono::milliseconds(bound_ms(i))) ++i;
    c.buckets[i].fetch_add(1, relaxed);
    c.nanoseconds.fetch_add(took.count(), relaxed);
    c.value.fetch_add(1, relaxed);
}

void count_decision(unsigned reason_index)
{
    if (reason_index < reason_count) decisions[reason_index].fetch_add(1, relaxed);
}

std::int64_t metric_value(Metric m)
{
    return cell(m).value.load(relaxed);
}

std::string metrics_text()
{
    std::string out;
    out.reserve(16 * 1024);
    for (std::size_t i = 0; i < metric_count; ++i) {
        const std::string name = std::string("direct_") + rows[i].name;
        switch (rows[i].kind) {
            case Kind::counter:
                head(out, name, "counter", rows[i].doc);
                break;
            case Kind::gauge:
                head(out, name, "gauge", rows[i].doc);
                break;
            case Kind::histogram:
                head(out, name, "histogram", rows[i].doc);
                histogram(out, name, cells[i]);
                continue;
        }
        sample(out, name, std::to_string(cells[i].value.load(relaxed)));
    }
    const std::string name = "direct_decisions_total";
    head(out, name, "counter", "Decisions by token");
    for (const auto& row : all_reasons())
        sample(out, name + "{token=\"" + std::string(row.token) + "\"}",
               std::to_string(decisions[static_cast<std::size_t>(row.reason)].load(relaxed)));
    return out;
}

}  // namespace direct
