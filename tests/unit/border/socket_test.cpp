#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "milter/milter_socket.h"
#include "milter/work_memory.h"

using namespace direct;

BOOST_AUTO_TEST_CASE(postfix_spelling_of_a_socket_is_turned_into_libmilters)
{
    BOOST_TEST(*libmilter_socket("unix:/run/direct/milter.sock") == "unix:/run/direct/milter.sock");
    BOOST_TEST(*libmilter_socket("inet:127.0.0.1:8899") == "inet:8899@127.0.0.1");
    for (const char* bad : {"", "unix:relative", "inet:8899", "inet::8899", "local:/x", "inet:127.0.0.1:"})
        BOOST_TEST(!libmilter_socket(bad), bad);
}

// With milter.socket = inet:... each message took 45 to 90 ms: every edit waited for the acknowledgement of the one before.
BOOST_AUTO_TEST_CASE(what_is_accepted_on_tcp_sends_at_once)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int connecting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    BOOST_REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&here), size) == 0);
    BOOST_REQUIRE(::listen(listener, 1) == 0);
    BOOST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size) == 0);
    listeners_send_at_once();
    BOOST_REQUIRE(::connect(connecting, reinterpret_cast<sockaddr*>(&here), size) == 0);
    const int accepted = ::accept(listener, nullptr, nullptr);
    const auto at_once = [](int fd) {
        int on = 0;
        socklen_t length = sizeof on;
        BOOST_REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length) == 0);
        return on != 0;
    };
    BOOST_TEST(at_once(accepted));
    BOOST_TEST(!at_once(connecting));
    for (const int fd : {accepted, connecting, listener}) ::close(fd);
}

BOOST_AUTO_TEST_CASE(work_memory_lets_in_what_fits_and_says_451_after_the_wait)
{
    WorkMemory memory(64u << 20, milliseconds(30));
    auto first = memory.enter(16u << 20);  // 40 MB + 8 MB
    BOOST_REQUIRE(first.has_value());
    auto second = memory.enter(16u << 20);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().retry == Retry::later));
    {
        auto gone = std::move(*first);
    }
    BOOST_TEST(memory.enter(16u << 20).has_value());
}

BOOST_AUTO_TEST_CASE(a_message_bigger_than_the_whole_bound_gets_in_alone)
{
    WorkMemory memory(64u << 20, milliseconds(30));
    auto alone = memory.enter(200u << 20);
    BOOST_REQUIRE(alone.has_value());
    BOOST_TEST(!memory.enter(1).has_value());
}
