// The threads that work through notices: who waits for whom, and their end.
#include "milter/notify/notice_workers.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace direct;

namespace {

NoticeWorkers::Batch notices_to(const std::vector<std::string>& addresses)
{
    NoticeWorkers::Batch out;
    for (const auto& address : addresses) {
        OwedNotice notice;
        notice.sender = address;
        out.push_back(notice);
    }
    return out;
}

/// Work that stands still for the domain slow.test until it is released.
struct Bench {
    std::mutex lock;
    std::condition_variable changed;
    std::vector<std::string> begun, done;
    std::size_t after = 0, in_work = 0, most_in_work = 0;
    bool released = false;
    NoticeWorkers workers;

    explicit Bench(std::size_t threads)
        : workers(
              threads, [this](const NoticeWorkers::Batch& batch) { work(batch); },
              [this] {
                  std::lock_guard hold(lock);
                  ++after;
                  changed.notify_all();
              })
    {
    }
    ~Bench()
    {
        release();
        workers.stop();
    }
    void work(const NoticeWorkers::Batch& batch)
    {
        std::unique_lock hold(lock);
        most_in_work = std::max(most_in_work, ++in_work);
        for (const auto& n : batch) begun.push_back(n.sender);
        changed.notify_all();
        if (batch.front().sender.find("slow") != std::string::npos)
            changed.wait(hold, [this] { return released; });
        --in_work;
        for (const auto& n : batch) done.push_back(n.sender);
        if (batch.front().sender == "throws@throws.test") throw std::runtime_error("a test");
    }
    void release()
    {
        std::lock_guard hold(lock);
        released = true;
        changed.notify_all();
    }
    /// Waits until so many batches are through and so many notices have begun.
    void wait_for(std::size_t batches, std::size_t notices)
    {
        std::unique_lock hold(lock);
        BOOST_REQUIRE(
            changed.wait_for(hold, seconds(60), [&] { return after >= batches && begun.size() >= notices; }));
    }
};

}  // namespace

// The fault: one partner's DNS did not answer, and everybody's notices waited behind his, for a minute and more.
BOOST_AUTO_TEST_CASE(a_domain_that_waits_holds_up_no_other)
{
    Bench b(2);
    b.workers.give(notices_to({"a@slow.test", "b@SLOW.test"}));
    b.wait_for(0, 2);  // the domain that waits is in work when the others come
    b.workers.give(notices_to({"c@quick.test", "d@other.test"}));
    b.workers.give(notices_to({"e@slow.test", "f@third.test"}));
    b.wait_for(3, 5);
    BOOST_TEST(b.workers.has_taken(notices_to({"z@Slow.Test"}).front()));
    BOOST_TEST(!b.workers.has_taken(notices_to({"z@quick.test"}).front()));
    b.release();
    b.wait_for(4, 5);
    // In one hand, in the order given; what came for a domain in work is left to whoever looks again.
    BOOST_TEST(std::count(b.begun.begin(), b.begun.end(), "e@slow.test") == 0);
    BOOST_TEST((std::find(b.done.begin(), b.done.end(), "a@slow.test") + 1 ==
                std::find(b.done.begin(), b.done.end(), "b@SLOW.test")));
    BOOST_TEST(b.most_in_work == 2u);
    BOOST_TEST(!b.workers.has_taken(notices_to({"z@slow.test"}).front()));
}

BOOST_AUTO_TEST_CASE(no_more_in_work_than_threads_and_a_bound_on_what_waits)
{
    Bench b(3);
    NoticeWorkers::Batch many;
    for (int i = 0; i < 5003; ++i) many.push_back(notices_to({"a@slow" + std::to_string(i) + ".test"})[0]);
    b.workers.give(many);
    b.wait_for(0, 3);
    BOOST_TEST(!b.workers.has_room());
    b.release();
    b.wait_for(4, 4);
    BOOST_TEST(b.workers.has_room());
    b.wait_for(5003, 5003);
    BOOST_TEST(b.most_in_work <= 3u);
}

BOOST_AUTO_TEST_CASE(what_is_thrown_ends_no_thread)
{
    Bench b(1);
    b.workers.give(notices_to({"throws@throws.test", "a@zone.test"}));
    b.wait_for(2, 2);
}

BOOST_AUTO_TEST_CASE(the_end_waits_for_what_is_in_work_and_drops_the_rest)
{
    Bench b(1);
    b.workers.give(notices_to({"a@slow.test", "b@waits.test"}));
    b.wait_for(0, 1);
    std::thread stopper([&] { b.workers.stop(); });
    while (b.workers.has_room()) std::this_thread::yield();
    b.release();
    stopper.join();
    BOOST_TEST(b.done.size() == 1u);
    BOOST_TEST(b.done.front() == "a@slow.test");
    b.workers.give(notices_to({"c@later.test"}));
    b.workers.stop();
    BOOST_TEST(b.done.size() == 1u);
}
