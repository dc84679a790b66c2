// current.h - what many threads read and one swaps whole: the site, the texts of notices.
//
// Instead of std::atomic<std::shared_ptr>: that of libstdc++ 12 gives its own lock back with relaxed order
// after a read, so that on processors which order memory weakly a reader may see what a later writer puts there.
// Thread safe; both calls are short. What was there before is let go outside the lock, by whoever held it last.
#pragma once
#include <memory>
#include <mutex>
#include <utility>

namespace direct {

template <class T>
class Current {
public:
    explicit Current(std::shared_ptr<const T> first) : value_(std::move(first)) {}

    std::shared_ptr<const T> get() const
    {
        std::lock_guard lock(mutex_);
        return value_;
    }
    void set(std::shared_ptr<const T> next)
    {
        // `next` outlives the lock, and with it what was there before.
        std::lock_guard lock(mutex_);
        value_.swap(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace direct
