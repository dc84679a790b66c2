// The gate that key operations, work memory and derivations stand behind; and the one limit for all waits of a
// message.
#include "milter/base/fair_gate.h"

#include <boost/test/unit_test.hpp>
#include <mutex>
#include <thread>
#include <vector>

using namespace direct;
using std::chrono::milliseconds;

namespace {

Deadline in(milliseconds t)
{
    return std::chrono::steady_clock::now() + t;
}
constexpr milliseconds never_reached{60000};

void wait_for_waiting(const FairGate& gate, std::size_t n)
{
    while (gate.waiting() != n) std::this_thread::yield();
}

BOOST_AUTO_TEST_CASE(bound_is_kept)
{
    FairGate gate(10);
    BOOST_TEST(gate.enter(6, in(never_reached)));
    BOOST_TEST(gate.enter(4, in(never_reached)));
    BOOST_TEST(!gate.enter(1, in(milliseconds(1))));
    BOOST_TEST(gate.used() == 10u);
    BOOST_TEST(gate.waiting() == 0u);
    gate.leave(4);
    BOOST_TEST(gate.enter(1, in(milliseconds(1))));
}

BOOST_AUTO_TEST_CASE(bigger_than_the_bound_goes_in_alone)
{
    FairGate gate(10);
    BOOST_TEST(gate.enter(25, in(milliseconds(1))));
    BOOST_TEST(!gate.enter(1, in(milliseconds(1))));
    gate.leave(25);
    BOOST_TEST(gate.enter(1, in(milliseconds(1))));
    BOOST_TEST(!gate.enter(25, in(milliseconds(1))));
}

// A big one that waits is not overtaken by small ones that would fit.
BOOST_AUTO_TEST_CASE(in_order_of_arrival)
{
    FairGate gate(10);
    BOOST_REQUIRE(gate.enter(8, in(never_reached)));
    std::mutex guard;
    std::vector<int> order;
    std::vector<std::thread> threads;
    const std::uint64_t needs[] = {9, 1, 1};
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&, i] {
            if (!gate.enter(needs[i], in(never_reached))) return;
            {
                std::lock_guard lock(guard);
                order.push_back(i);
            }
            gate.leave(needs[i]);
        });
        wait_for_waiting(gate, static_cast<std::size_t>(i) + 1);
    }
    BOOST_TEST(gate.used() == 8u);
    gate.resize(9);  // the big one fills it, so that it is seen to be first
    gate.leave(8);
    for (auto& t : threads) t.join();
    BOOST_REQUIRE(order.size() == 3u);
    BOOST_TEST(order[0] == 0);
    BOOST_TEST(gate.used() == 0u);
}

BOOST_AUTO_TEST_CASE(who_gives_up_lets_the_next_in)
{
    FairGate gate(10);
    BOOST_REQUIRE(gate.enter(5, in(never_reached)));
    bool big = true, small = false;
    std::thread first([&] { big = gate.enter(6, in(milliseconds(50))); });
    wait_for_waiting(gate, 1);
    std::thread second([&] { small = gate.enter(5, in(never_reached)); });
    first.join();
    second.join();
    BOOST_TEST(!big);
    BOOST_TEST(small);
}

BOOST_AUTO_TEST_CASE(a_bigger_bound_lets_in_at_once)
{
    FairGate gate(1);
    BOOST_REQUIRE(gate.enter(1, in(never_reached)));
    std::thread waits([&] { BOOST_TEST(gate.enter(1, in(never_reached))); });
    wait_for_waiting(gate, 1);
    gate.resize(2);
    waits.join();
    BOOST_TEST(gate.used() == 2u);
}

// Waits with a limit of their own would add up beyond what the MTA waits for us.
BOOST_AUTO_TEST_CASE(one_patience_for_all_waits)
{
    BOOST_TEST((Patience::until(never_reached) > in(milliseconds(50000))));
    FairGate first(1), second(1);
    BOOST_REQUIRE(first.enter(1, in(never_reached)));
    BOOST_REQUIRE(second.enter(1, in(never_reached)));
    const auto from = std::chrono::steady_clock::now();
    {
        Patience patience(milliseconds(100));
        const auto end = Patience::until(never_reached);
        BOOST_TEST((Patience::until(milliseconds(1)) < end));
        BOOST_TEST(!first.enter(1, Patience::until(never_reached)));
        BOOST_TEST((std::chrono::steady_clock::now() >= end));
        BOOST_TEST((Patience::until(never_reached) == end));  // nothing is left for the second wait
        BOOST_TEST(!second.enter(1, Patience::until(never_reached)));
        {
            Patience longer(never_reached);
            BOOST_TEST((Patience::until(never_reached) == end));
        }
    }
    BOOST_TEST((std::chrono::steady_clock::now() - from < milliseconds(30000)));
    BOOST_TEST((Patience::until(never_reached) > in(milliseconds(50000))));
    // Who finds a free place needs no patience.
    Patience none(milliseconds(0));
    FairGate free(1);
    BOOST_TEST(free.enter(1, Patience::until(never_reached)));
}

}  // namespace
