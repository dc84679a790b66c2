#include "milter/work_memory.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "milter/base/metrics.h"

namespace direct {

struct WorkMemory::State {
    std::mutex mutex;
    std::condition_variable turn;
    std::deque<std::uint64_t> waiting;  // tickets, in order of arrival
    std::uint64_t next = 0, bound, used = 0;
    milliseconds wait;
};

WorkMemory::WorkMemory(std::uint64_t bytes, milliseconds wait) : state_(std::make_unique<State>())
{
    resize(bytes, wait);
}
WorkMemory::~WorkMemory() = default;

void WorkMemory::resize(std::uint64_t bytes, milliseconds wait)
{
    std::lock_guard lock(state_->mutex);
    state_->bound = bytes;
    state_->wait = wait;
    state_->turn.notify_all();
}

Result<WorkMemory::Place> WorkMemory::enter(std::uint64_t message_bytes)
{
    auto& s = *state_;
    auto need = message_bytes / 2 * 5 + (8u << 20);
    std::unique_lock lock(s.mutex);
    auto ticket = s.next++;
    s.waiting.push_back(ticket);
    auto room = [&] { return s.waiting.front() == ticket && (s.used == 0 || s.used + need <= s.bound); };
    if (!room()) count(Metric::work_memory_waits_total);
    bool mine = s.turn.wait_for(lock, s.wait, room);
    std::erase(s.waiting, ticket);
    s.turn.notify_all();
    if (!mine) return fail(temporary("no room within limits.work_wait (limits.work_memory)"));
    s.used += need;
    return Place(this, need);
}

WorkMemory::Place::~Place()
{
    if (!owner_) return;
    std::lock_guard lock(owner_->state_->mutex);
    owner_->state_->used -= bytes_;
    owner_->state_->turn.notify_all();
}

}  // namespace direct
