// notice_workers.cpp - see notice_workers.h.
#include "milter/notify/notice_workers.h"

#include <syslog.h>

#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/text.h"

namespace direct {
namespace {

constexpr std::size_t waiting_max = 5000;  // notices; one has about 1 KB

std::string domain_of(const OwedNotice& notice)
{
    const auto at = notice.sender.rfind('@');
    return ascii_lower(at == std::string::npos ? notice.sender : notice.sender.substr(at + 1));
}

}  // namespace

NoticeWorkers::NoticeWorkers(std::size_t threads, std::function<void(const Batch&)> work,
                             std::function<void()> after)
    : most_threads_(threads), work_(std::move(work)), after_(std::move(after))
{
}

NoticeWorkers::~NoticeWorkers()
{
    stop();
}

void NoticeWorkers::give(Batch notices)
{
    std::map<std::string, Batch> batches;
    for (auto& notice : notices) batches[domain_of(notice)].push_back(std::move(notice));
    std::lock_guard hold(lock_);
    if (stopping_) return;
    while (threads_.size() < most_threads_) threads_.emplace_back([this] { run(); });
    for (auto& [domain, batch] : batches) {
        const auto number = batch.size();
        if (!taken_.try_emplace(domain, std::move(batch)).second) continue;
        queue_.push_back(domain);
        waiting_ += number;
    }
    given_.notify_all();
}

bool NoticeWorkers::has_taken(const OwedNotice& notice)
{
    std::lock_guard hold(lock_);
    return taken_.count(domain_of(notice)) > 0;
}

bool NoticeWorkers::has_room()
{
    std::lock_guard hold(lock_);
    return !stopping_ && waiting_ < waiting_max;
}

void NoticeWorkers::run()
{
    for (;;) {
        std::string domain;
        Batch batch;
        {
            std::unique_lock hold(lock_);
            given_.wait(hold, [&] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            domain = std::move(queue_.front());
            queue_.pop_front();
            batch.swap(taken_.at(domain));
            waiting_ -= batch.size();
        }
        try {
            work_(batch);
        } catch (const std::exception& e) {
            LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        }
        {
            std::lock_guard hold(lock_);
            taken_.erase(domain);
        }
        after_();
    }
}

void NoticeWorkers::stop()
{
    std::vector<std::thread> threads;
    {
        std::lock_guard hold(lock_);
        stopping_ = true;
        threads.swap(threads_);
    }
    given_.notify_all();
    for (auto& thread : threads) thread.join();
}

}  // namespace direct
