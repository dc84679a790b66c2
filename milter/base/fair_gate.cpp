#include "milter/base/fair_gate.h"

#include <algorithm>

namespace direct {
namespace {

thread_local Deadline patience_ends = Deadline::max();

}  // namespace

// Called with the lock held.
void FairGate::let_in()
{
    while (!waiting_.empty() && fits(waiting_.front()->need)) {
        auto* next = waiting_.front();
        waiting_.pop_front();
        used_ += next->need;
        next->inside = true;
        next->turn.notify_one();
    }
}

bool FairGate::enter(std::uint64_t need, Deadline until)
{
    std::unique_lock lock(mutex_);
    if (waiting_.empty() && fits(need)) {
        used_ += need;
        return true;
    }
    Waiter me;
    me.need = need;
    const auto place = waiting_.insert(waiting_.end(), &me);
    if (me.turn.wait_until(lock, until, [&] { return me.inside; })) return true;
    waiting_.erase(place);
    let_in();  // a smaller one behind may fit
    return false;
}

void FairGate::leave(std::uint64_t need)
{
    std::lock_guard lock(mutex_);
    used_ -= need;
    let_in();
}

void FairGate::resize(std::uint64_t bound)
{
    std::lock_guard lock(mutex_);
    bound_ = bound;
    let_in();
}

std::uint64_t FairGate::used() const
{
    std::lock_guard lock(mutex_);
    return used_;
}

std::size_t FairGate::waiting() const
{
    std::lock_guard lock(mutex_);
    return waiting_.size();
}

Patience::Patience(std::chrono::milliseconds for_all) : before_(patience_ends)
{
    patience_ends = std::min(before_, std::chrono::steady_clock::now() + for_all);
}

Patience::~Patience()
{
    patience_ends = before_;
}

Deadline Patience::until(std::chrono::milliseconds own)
{
    return std::min(patience_ends, std::chrono::steady_clock::now() + own);
}

}  // namespace direct
