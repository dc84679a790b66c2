// work_memory.h - one bound for the memory of all messages in work: 2.5 times the size of each, plus 8 MB.
//
// libmilter starts as many threads as there are sessions at their end of message; without a bound a
// hundred big messages would be in memory at once. First come, first served, so a big message cannot be
// starved by small ones. Thread safe. Source: design "Memory", limits.work_memory.
#pragma once
#include <atomic>
#include <cstdint>

#include "milter/base/clock.h"
#include "milter/base/fair_gate.h"
#include "milter/base/result.h"

namespace direct {

class WorkMemory {
public:
    WorkMemory(std::uint64_t bytes, milliseconds wait);
    void resize(std::uint64_t bytes, milliseconds wait);

    /// Gives the place back when it goes.
    class Place {
    public:
        Place() = default;
        Place(WorkMemory* owner, std::uint64_t bytes) : owner_(owner), bytes_(bytes) {}
        Place(Place&& o) noexcept : owner_(o.owner_), bytes_(o.bytes_) { o.owner_ = nullptr; }
        Place& operator=(Place&&) = delete;
        ~Place();

    private:
        WorkMemory* owner_ = nullptr;
        std::uint64_t bytes_ = 0;
    };
    /// Waits for room for a message of that size. A message that is bigger than the whole bound gets in
    /// alone. Fault: temporary after `wait`, or when the message's Patience has ended.
    Result<Place> enter(std::uint64_t message_bytes);

private:
    friend class Place;
    FairGate gate_;
    std::atomic<milliseconds> wait_;
};

}  // namespace direct
