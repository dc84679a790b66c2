// faults.cpp - see faults.h.
#include "milter/store/faults.h"

#include <atomic>

namespace direct::store_faults {

namespace {
std::function<int(Step)> the_hook;
std::atomic<bool> hooked{false};
}  // namespace

void set_hook(std::function<int(Step)> hook)
{
    hooked.store(false, std::memory_order_release);
    the_hook = std::move(hook);
    hooked.store(static_cast<bool>(the_hook), std::memory_order_release);
}

int injected_fault(Step step)
{
    return hooked.load(std::memory_order_acquire) ? the_hook(step) : 0;
}

}  // namespace direct::store_faults
