// metrics.h - counters, gauges and histograms declared in conf/metrics.def, printed as Prometheus text.
// Adding is lock-free and thread safe; nothing here knows addresses or content.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace direct {

enum class Metric : unsigned {
#define METRIC(name, kind, unit, doc) name,
#include "conf/metrics.def"
#undef METRIC
    count_
};

void count(Metric m, std::int64_t by = 1);  ///< counters; gauges with negative steps
void set_gauge(Metric m, std::int64_t value);
void observe(Metric m, std::chrono::nanoseconds took);  ///< histograms: 1 ms .. 60 s, factor 2
/// A counter per decision token (direct_decisions_total{token="..."}).
void count_decision(unsigned reason_index);

std::int64_t metric_value(Metric m);
/// Prometheus text exposition 0.0.4, sorted as declared.
std::string metrics_text();

/// Observes the time from construction to destruction.
class Timed {
public:
    explicit Timed(Metric m) : m_(m), from_(std::chrono::steady_clock::now()) {}
    ~Timed() { observe(m_, std::chrono::steady_clock::now() - from_); }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

private:
    Metric m_;
    std::chrono::steady_clock::time_point from_;
};

}  // namespace direct
