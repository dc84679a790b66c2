// Opening and sealing by one thread and by two: whether something on the way is done by one at a time.
//
// The gain in messages per second needs two cores that nobody else uses; how often a thread had to wait for
// another does not, so that is printed too: voluntary context switches of the process per message.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/bench/bench_site.h"

using namespace direct;
using namespace direct::bench;

namespace {

struct Pace {
    double per_second = 0, cpu_ms = 0, waits = 0;  ///< messages, CPU per message, waits per message
};

double seconds_of(timeval t)
{
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

Pace run(int threads, const std::function<void()>& work)
{
    constexpr auto length = std::chrono::milliseconds(400);
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    std::atomic<long> done{0};
    auto from = std::chrono::steady_clock::now();
    std::vector<std::thread> team;
    for (int i = 0; i < threads; ++i)
        team.emplace_back([&] {
            for (; std::chrono::steady_clock::now() - from < length; ++done) work();
        });
    for (auto& t : team) t.join();
    auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
    getrusage(RUSAGE_SELF, &after);
    auto n = static_cast<double>(done);
    auto cpu = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) - seconds_of(before.ru_utime) -
               seconds_of(before.ru_stime);
    return {n / took, cpu * 1e3 / n, static_cast<double>(after.ru_nvcsw - before.ru_nvcsw) / n};
}

/// The quietest of several rounds: others use this machine too.
Pace best(int threads, const std::function<void()>& work)
{
    Pace out = run(threads, work);
    for (int i = 0; i < 6; ++i) {
        auto again = run(threads, work);
        out.per_second = std::max(out.per_second, again.per_second);
        out.cpu_ms = std::min(out.cpu_ms, again.cpu_ms);
        out.waits = std::min(out.waits, again.waits);
    }
    return out;
}

void compare(const char* what, std::size_t size, const std::function<void()>& work)
{
    work();
    auto one = best(1, work), two = best(2, work);
    std::printf("%s %4zu KB %10.0f/s %10.0f/s %6.2f %12.3f %8.3f %6.2f %14.3f\n", what, size >> 10,
                one.per_second, two.per_second, two.per_second / one.per_second, one.cpu_ms, two.cpu_ms,
                two.cpu_ms / one.cpu_ms, two.waits);
}

void all()
{
    BenchSites sites;
    Engine engine;
    std::printf("             %12s %12s %6s %12s %8s %6s %14s\n", "one thread", "two", "gain", "CPU ms: one",
                "two", "ratio", "waits/message");
    for (std::size_t size : {4u << 10, 100u << 10}) {
        auto message = message_of(size);
        auto sealed = seal_once(sites, engine, message).leg->message();
        compare("open", size, [&] { open_once(sites, engine, sealed); });
        compare("seal", size, [&] { seal_once(sites, engine, message); });
    }
}

}  // namespace

int main()
{
    try {
        all();
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_threads: %s\n", e.what());
        return 1;
    }
}
