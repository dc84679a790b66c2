#include "milter/base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <thread>

#include "milter/base/text.h"

using namespace direct;
using std::chrono::milliseconds;

namespace {

auto in(milliseconds ms)
{
    return std::chrono::steady_clock::now() + ms;
}

Child shell(const std::string& script, int channel_fd = 3)
{
    auto child = Child::spawn({"/bin/sh", {"-c", script}, channel_fd, true});
    BOOST_REQUIRE_MESSAGE(child.has_value(), (child ? "" : child.error().why));
    return *std::move(child);
}

std::string everything(const Child& child)
{
    std::string out;
    while (auto c = read_fully(child.channel(), 1, in(milliseconds(20'000)))) out += *c;
    return out;
}

bool gone(pid_t pid)
{
    return ::kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(child_)

BOOST_AUTO_TEST_CASE(words_go_both_ways)
{
    auto child = shell("cat <&3 >&3");
    const std::string bytes(1 << 16, 'x');
    BOOST_REQUIRE(write_fully(child.channel(), bytes, in(milliseconds(20'000))).has_value());
    BOOST_TEST((*read_fully(child.channel(), bytes.size(), in(milliseconds(20'000))) == bytes));
    BOOST_TEST(child.running());
    const auto pid = child.pid();
    BOOST_TEST(WTERMSIG(child.end()) == SIGKILL);
    BOOST_TEST(gone(pid));
    BOOST_TEST(child.pid() == -1);
}

BOOST_AUTO_TEST_CASE(nothing_of_ours_is_handed_down)
{
    ::setenv("DIRECT_TEST_SECRET", "no", 1);
    ::setenv("TZ", "UTC", 1);
    const int open_here = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a library would
    for (const int channel : {3, 9}) {
        const std::string to = " >&" + std::to_string(channel);
        auto child =
            shell("(env; for f in /proc/$$/fd/*; do echo fd ${f##*/} $(readlink $f); done)" + to, channel);
        const auto out = everything(child);
        BOOST_TEST(out.find("DIRECT_TEST_SECRET") == std::string::npos);
        BOOST_TEST(out.find("TZ=UTC\n") != std::string::npos);
        BOOST_TEST(out.find("PATH=") != std::string::npos);
        BOOST_TEST(out.find("fd 0 /dev/null\n") != std::string::npos);
        BOOST_TEST(out.find("fd 1 /dev/null\n") != std::string::npos);
        BOOST_TEST(out.find("fd 2 /dev/null\n") != std::string::npos);
        BOOST_TEST(out.find("fd " + std::to_string(channel) + " socket:") != std::string::npos);
        std::size_t descriptors = 0;
        for (const auto line : split(out, '\n')) descriptors += line.starts_with("fd ");
        BOOST_TEST(descriptors == 4U, out);
    }
    ::close(open_here);
    ::unsetenv("DIRECT_TEST_SECRET");
}

BOOST_AUTO_TEST_CASE(signals_are_the_defaults)
{
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &block, &old);
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    auto child = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status >&3");
    ::signal(SIGPIPE, before);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    const auto out = everything(child);
    const auto mask = [&](const std::string& name) {
        return std::stoull(out.substr(out.find(name) + name.size()), nullptr, 16);
    };
    BOOST_TEST(mask("SigBlk:") == 0U);
    // 32 and 33 belong to the C library; no program can set them.
    BOOST_TEST((mask("SigIgn:") & ~0x180000000ULL) == 0U);
}

BOOST_AUTO_TEST_CASE(an_end_of_its_own_is_seen)
{
    auto child = shell("exit 7");
    BOOST_TEST(everything(child).empty());  // the channel closes when the child is going
    // Closed descriptors come before the status: wait for the status itself.
    while (child.running()) std::this_thread::yield();
    BOOST_TEST(WEXITSTATUS(child.end()) == 7);
    BOOST_TEST(!child.running());
}

BOOST_AUTO_TEST_CASE(what_cannot_start_is_temporary)
{
    for (const char* program : {"/no/such/program", "/etc/passwd", "/"}) {
        const auto child = Child::spawn({program, {}, 3, true});
        BOOST_TEST_CONTEXT(program)
        {
            BOOST_REQUIRE(!child);
            BOOST_TEST((child.error().retry == Retry::later));
            BOOST_TEST(child.error().why.find(program) != std::string::npos);
        }
    }
    BOOST_TEST(!Child::spawn({"/bin/true", {}, 2, true}));
}

BOOST_AUTO_TEST_CASE(moving_keeps_one_owner_and_ends_the_other)
{
    auto a = shell("cat <&3 >&3");
    auto b = shell("cat <&3 >&3");
    const auto pid_a = a.pid();
    const auto pid_b = b.pid();
    a = std::move(b);
    BOOST_TEST(a.pid() == pid_b);
    BOOST_TEST(gone(pid_a));
    {
        const Child c(std::move(a));
        BOOST_TEST(c.pid() == pid_b);
    }
    BOOST_TEST(gone(pid_b));
}

BOOST_AUTO_TEST_CASE(deadlines_hold)
{
    auto child = shell("exec sleep 1000");
    const auto from = std::chrono::steady_clock::now();
    BOOST_TEST(read_fully(child.channel(), 1, in(milliseconds(30))).error().why == "timeout");
    // More than the socket buffers hold: nobody reads.
    BOOST_TEST(write_fully(child.channel(), std::string(16 << 20, 'x'), in(milliseconds(30))).error().why ==
               "timeout");
    BOOST_TEST((std::chrono::steady_clock::now() - from < std::chrono::seconds(10)));
    BOOST_TEST(!read_fully(child.channel(), 1, in(milliseconds(-1))));
    BOOST_TEST(read_fully(child.channel(), 0, in(milliseconds(-1))).has_value());
}

BOOST_AUTO_TEST_CASE(a_short_answer_and_a_claimed_length)
{
    auto child = shell("printf abc >&3");
    // Nothing near a petabyte is asked of the memory.
    BOOST_TEST(read_fully(child.channel(), std::size_t{1} << 50, in(milliseconds(20'000))).error().why ==
               "closed");
    BOOST_TEST(
        write_fully(child.channel(), std::string(1 << 20, 'x'), in(milliseconds(20'000))).error().why ==
        "closed");
}

BOOST_AUTO_TEST_CASE(pipes_work_too)
{
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    std::string got;
    std::thread reader([&] { got = *read_fully(ends[0], 1 << 20, in(milliseconds(20'000))); });
    BOOST_TEST(write_fully(ends[1], std::string(1 << 20, 'p'), in(milliseconds(20'000))).has_value());
    reader.join();
    BOOST_TEST((got == std::string(1 << 20, 'p')));
    BOOST_TEST(write_fully(ends[1], std::string(1 << 20, 'p'), in(milliseconds(20))).error().why ==
               "timeout");
    ::close(ends[0]);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_SUITE_END()
