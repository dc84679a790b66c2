// While a worker is taken and no session moves, a connection is opened for whoever waits behind it; never otherwise.
#include "milter/nudge.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <new>

#include "milter/base/metrics.h"

using namespace direct;

namespace {

/// Counts the nudges and lets a test wait for them.
struct Counted {
    std::mutex mutex;
    std::condition_variable more;
    int nudges = 0;

    std::function<void()> connect()
    {
        return [this] {
            std::lock_guard lock(mutex);
            ++nudges;
            more.notify_all();
        };
    }
    int wait_for(int wanted)
    {
        std::unique_lock lock(mutex);
        more.wait_for(lock, std::chrono::seconds(60), [&] { return nudges >= wanted; });
        return nudges;
    }
};

BOOST_AUTO_TEST_CASE(nobody_is_nudged_while_no_worker_is_taken)
{
    Counted counted;
    {
        Nudge nudge(counted.connect(), milliseconds(1), milliseconds(1));
        nudge.moved();
    }
    BOOST_TEST(counted.nudges == 0);
}

BOOST_AUTO_TEST_CASE(a_taken_worker_and_silence_bring_nudges_until_it_is_free)
{
    Counted counted;
    const auto before = metric_value(Metric::worker_nudges_total);
    Nudge nudge(counted.connect(), milliseconds(1), milliseconds(2));
    {
        Nudge::Taken taken(nudge);
        BOOST_TEST(counted.wait_for(3) >= 3);
    }
    {
        Nudge::Taken again(nudge);
        const int so_far = counted.wait_for(0);
        BOOST_TEST(counted.wait_for(so_far + 1) > so_far);
    }
    BOOST_TEST(metric_value(Metric::worker_nudges_total) >= before + 3);
}

BOOST_AUTO_TEST_CASE(one_of_two_that_comes_back_does_not_end_the_watch)
{
    Counted counted;
    Nudge nudge(counted.connect(), milliseconds(1), milliseconds(2));
    Nudge::Taken long_one(nudge);
    {
        Nudge::Taken short_one(nudge);
    }
    BOOST_TEST(counted.wait_for(1) >= 1);
}

// Its thread has nobody above it: what was thrown there would have ended the daemon.
BOOST_AUTO_TEST_CASE(a_nudge_for_which_there_is_no_memory_ends_nothing)
{
    Counted counted;
    Nudge nudge(
        [&] {
            counted.connect()();
            throw std::bad_alloc();
        },
        milliseconds(1), milliseconds(2));
    Nudge::Taken taken(nudge);
    BOOST_TEST(counted.wait_for(3) >= 3);
}

BOOST_AUTO_TEST_CASE(sessions_that_move_need_no_nudge)
{
    Counted counted;
    Nudge nudge(counted.connect(), milliseconds(20), milliseconds(20));
    {
        Nudge::Taken taken(nudge);
        // As long as ten quiet times; what moves all the while is served.
        const auto until = std::chrono::steady_clock::now() + milliseconds(200);
        auto longest = std::chrono::steady_clock::duration::zero();
        for (auto last = std::chrono::steady_clock::now(); last < until;) {
            nudge.moved();
            const auto now = std::chrono::steady_clock::now();
            longest = std::max(longest, now - last);
            last = now;
        }
        if (longest < milliseconds(10))
            BOOST_TEST(counted.wait_for(0) == 0);  // else: we ourselves stood still
    }
}

BOOST_AUTO_TEST_CASE(a_touched_socket_sees_a_connection_that_ends)
{
    const auto path = std::filesystem::temp_directory_path() / ("nudge-" + std::to_string(::getpid()));
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_REQUIRE(::listen(listener, 1) == 0);
    touch_socket("unix:" + path.string());
    const int got = ::accept(listener, nullptr, nullptr);
    BOOST_REQUIRE(got >= 0);
    char byte = 0;
    BOOST_TEST(::read(got, &byte, 1) == 0);
    ::close(got);
    ::close(listener);
    std::filesystem::remove(path);
    touch_socket("unix:" + path.string());  // nobody there: nothing happens
    touch_socket("inet:127.0.0.1:1");
    touch_socket("inet:");
}

}  // namespace
