#include "milter/turnstile.h"

#include "milter/base/metrics.h"

namespace direct {

void Turnstile::Guest::begin()
{
    leave();
    std::lock_guard lock(turnstile_.mutex_);
    previous_ = ticket_;
    ticket_ = turnstile_.next_++;
    turnstile_.on_the_way_.emplace(ticket_, this);
}

void Turnstile::Guest::leave()
{
    std::lock_guard lock(turnstile_.mutex_);
    const auto found = turnstile_.on_the_way_.find(ticket_);
    if (found == turnstile_.on_the_way_.end()) return;
    const bool oldest = found == turnstile_.on_the_way_.begin();
    turnstile_.on_the_way_.erase(found);
    if (oldest) turnstile_.oldest_left_.notify_all();
}

void Turnstile::Guest::wait_turn()
{
    moved();
    if (previous_) turnstile_.wait_for_older_than(previous_);
    moved();
}

void Turnstile::wait_for_older_than(std::uint64_t ticket)
{
    std::unique_lock lock(mutex_);
    const auto from = std::chrono::steady_clock::now();
    const auto waited = [&] { return std::chrono::steady_clock::now() - from; };
    while (!on_the_way_.empty() && on_the_way_.begin()->first < ticket && waited() < most_) {
        const auto [oldest, guest] = *on_the_way_.begin();
        const auto moves = guest->moves_.load(std::memory_order_relaxed);
        const auto left = [&, oldest = oldest] {
            return on_the_way_.empty() || on_the_way_.begin()->first != oldest;
        };
        if (oldest_left_.wait_for(lock, still_, left)) continue;
        if (guest->moves_.load(std::memory_order_relaxed) == moves) {
            on_the_way_.erase(oldest);
            oldest_left_.notify_all();
        }
    }
    observe(Metric::turn_wait_seconds, waited());
}

}  // namespace direct
