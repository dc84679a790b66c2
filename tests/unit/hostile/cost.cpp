#include "tests/unit/hostile/cost.h"

#include <malloc.h>
#include <time.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace direct::test {
namespace {

std::size_t status_kilobytes(const std::string& name)
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
    throw std::runtime_error("no " + name + " in /proc/self/status");
}

double cpu()
{
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

}  // namespace

Cost cost_of(const std::function<void()>& work)
{
    // What earlier work freed goes back first: it would hide what this one takes.
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";
    auto before = status_kilobytes("VmRSS");
    auto begin = cpu();
    work();
    Cost cost;
    cost.seconds = cpu() - begin;
    auto peak = status_kilobytes("VmHWM");
    cost.memory = peak > before ? (peak - before) * 1024 : 0;
    return cost;
}

}  // namespace direct::test
