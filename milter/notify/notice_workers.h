// notice_workers.h - a few threads that work through the notices owed, all to one domain in one hand.
//
// Making a notice may ask the network for the sender's certificate. A domain whose servers do not answer has one thread
// wait for it; those of others are made meanwhile. Knows no store: who gives the notices looks for what is due, and
// passes over the domains that are taken. Thread safe.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "milter/notify/owed_notice.h"

namespace direct {

class NoticeWorkers {
public:
    using Batch = std::vector<OwedNotice>;  ///< all to one domain, in the order given
    /// @param threads  at most so many batches are in work; the threads start with the first give()
    /// @param work     in a worker's thread; what it throws is logged and ends nothing
    /// @param after    in the same thread, when the domain is free again
    NoticeWorkers(std::size_t threads, std::function<void(const Batch&)> work, std::function<void()> after);
    /// Stops.
    ~NoticeWorkers();
    NoticeWorkers(const NoticeWorkers&) = delete;
    NoticeWorkers& operator=(const NoticeWorkers&) = delete;

    /// A batch for each domain. Those to a domain that is taken already are left out.
    void give(Batch notices);
    /// Notices to its domain wait here or are in work.
    bool has_taken(const OwedNotice& notice);
    /// False when as many wait as may: 5000, about 5 MB; and after stop().
    bool has_room();
    /// Waits for the batches in work, drops those that wait. give() does nothing from then on.
    void stop();

private:
    void run();

    const std::size_t most_threads_;
    const std::function<void(const Batch&)> work_;
    const std::function<void()> after_;
    std::mutex lock_;  // guards the rest
    std::condition_variable given_;
    std::map<std::string, Batch> taken_;  // empty while in work
    std::deque<std::string> queue_;       // domains that wait
    std::size_t waiting_ = 0;             // notices in them
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace direct
