// fair_gate.h - a bound that many threads share: first come, first served, and one time limit for all the
// waiting that one message does.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>

namespace direct {

using Deadline = std::chrono::steady_clock::time_point;

/// At most `bound` units are inside. Who came first goes in first, so a big one is not starved by small ones; one
/// that is bigger than the whole bound goes in alone. Each waiter is woken by itself: with a hundred sessions,
/// waking all of them for every place costs more than the work behind the gate. Thread safe.
class FairGate {
public:
    explicit FairGate(std::uint64_t bound) : bound_(bound) {}
    /// False when there was no room until then; nothing is held in that case.
    bool enter(std::uint64_t need, Deadline until);
    void leave(std::uint64_t need);
    void resize(std::uint64_t bound);
    std::uint64_t used() const;
    std::size_t waiting() const;

private:
    struct Waiter {
        std::uint64_t need;
        bool inside = false;
        std::condition_variable turn;
    };
    bool fits(std::uint64_t need) const { return used_ == 0 || used_ + need <= bound_; }
    void let_in();

    mutable std::mutex mutex_;
    std::list<Waiter*> waiting_;
    std::uint64_t bound_, used_ = 0;
};

/// The time limit of everything that the message in this thread's work waits for: room, key operations, answer
/// derivations. Postfix gives the end of message 300 s in all; waits that each have a limit of their own add up.
/// Lives inside one callback (libmilter may run the next one in another thread).
class Patience {
public:
    explicit Patience(std::chrono::milliseconds for_all);
    ~Patience();
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    /// When a wait that begins now has to end: after `own`, or with the message's patience if that is earlier.
    static Deadline until(std::chrono::milliseconds own);

private:
    Deadline before_;
};

}  // namespace direct
