// A verdict under ten thousand anchors beside one under ten; and what a bundle of that size costs to read.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "policy/trust/bundle.h"
#include "policy/trust/verdict.h"
#include "tests/support/test_bundle.h"

using namespace direct;
using namespace direct::test;

namespace {

constexpr std::size_t many = 10000, few = 10;

/// Microseconds of one call: the best of five rounds, each long enough for the clock.
double best_us(int calls, const std::function<void()>& work)
{
    double best = 1e18;
    for (int round = 0; round < 5; ++round) {
        auto from = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) work();
        std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - from;
        best = std::min(best, took.count() / calls);
    }
    return best;
}

void line(const char* what, double few_us, double many_us)
{
    std::printf("%-34s %10.1f us %12.1f us   ratio %.2f\n", what, few_us, many_us, many_us / few_us);
}

}  // namespace

int main()
{
    auto key = ec_key();
    std::vector<Certificate> anchors;
    for (std::size_t i = 0; i < many; ++i)
        anchors.push_back(issue({.name = "Anchor " + std::to_string(i), .ca = true}, key).certificate);
    auto root_key = ec_key();
    Issued root = issue({.name = "Root", .ca = true}, root_key),
           middle = issue({.name = "Middle", .ca = true}, ec_key(), &root);
    Issued leaf = issue({.name = "leaf", .san = {"DNS:d.example"}}, ec_key(), &middle);
    auto some_of = [&](std::size_t n) {
        std::vector<Certificate> some(anchors.begin(), anchors.begin() + std::ptrdiff_t(n - 1));
        some.push_back(root.certificate);
        return some;
    };
    auto set_of = [&](std::size_t n) { return AnchorSet(some_of(n)); };
    AnchorSet small = set_of(few), large = set_of(many);
    JudgeOptions options{.now = test_now()};
    std::vector<Certificate> between{middle.certificate};
    auto cold = [&](const AnchorSet& set) {
        return best_us(50, [&] {
            if (!judge(leaf.certificate, between, set, options).trusted()) std::abort();
        });
    };
    VerdictCache cache;
    auto warm = [&](const AnchorSet& set) {
        return best_us(2000, [&] {
            if (!cache.judge(leaf.certificate, between, set, options).trusted()) std::abort();
        });
    };
    std::printf("%-34s %10zu    %12zu anchors\n", "", few, many);
    line("verdict, cold", cold(small), cold(large));
    line("verdict, from the cache", warm(small), warm(large));
    line("set made of read certificates", best_us(1, [&] { set_of(few); }),
         best_us(1, [&] { set_of(many); }));
    auto small_bundle = p7b({some_of(few)}), large_bundle = p7b({some_of(many)});
    auto read = [&](const std::string& bytes) {
        return best_us(1, [&] {
            if (!read_bundle(bytes, {}, options.now)) std::abort();
        });
    };
    double few_us = read(small_bundle), many_us = read(large_bundle);
    line("bundle read", few_us, many_us);
    std::printf("%-34s %10.1f us %12.1f us   for each certificate\n", "", few_us / few, many_us / many);
}
