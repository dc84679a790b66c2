#include "milter/work_memory.h"

#include "milter/base/metrics.h"

namespace direct {

WorkMemory::WorkMemory(std::uint64_t bytes, milliseconds wait) : gate_(bytes), wait_(wait) {}

void WorkMemory::resize(std::uint64_t bytes, milliseconds wait)
{
    wait_ = wait;
    gate_.resize(bytes);
}

Result<WorkMemory::Place> WorkMemory::enter(std::uint64_t message_bytes)
{
    const auto need = message_bytes / 2 * 5 + (8u << 20);
    const auto from = std::chrono::steady_clock::now();
    const bool inside = gate_.enter(need, Patience::until(wait_));
    const auto waited = std::chrono::steady_clock::now() - from;
    observe(Metric::work_memory_wait_seconds, waited);
    if (waited > milliseconds(1)) count(Metric::work_memory_waits_total);
    if (!inside) return fail(temporary("no room within limits.work_wait (limits.work_memory)"));
    count(Metric::work_memory_bytes, static_cast<std::int64_t>(need));
    return Place(this, need);
}

WorkMemory::Place::~Place()
{
    if (!owner_) return;
    count(Metric::work_memory_bytes, -static_cast<std::int64_t>(bytes_));
    owner_->gate_.leave(bytes_);
}

}  // namespace direct
