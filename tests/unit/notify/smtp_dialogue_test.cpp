// How the dialogue puts its bytes on the wire.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "milter/base/handle.h"
#include "milter/notify/smtp_dialogue.h"

namespace {

using namespace direct;

// One connection, seen from the listener.
struct Line {
    int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted = -1;
    SmtpDialogue dialogue{seconds(10)};
    Line()
    {
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        BOOST_REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
        BOOST_REQUIRE(::listen(listener, 1) == 0);
        socklen_t size = sizeof here;
        BOOST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size) == 0);
        BOOST_REQUIRE(dialogue.connect("127.0.0.1:" + std::to_string(ntohs(here.sin_port))));
        accepted = ::accept(listener, nullptr, nullptr);
        BOOST_REQUIRE(accepted >= 0);
    }
    ~Line()
    {
        ::close(accepted);
        ::close(listener);
    }
    std::string received(std::size_t n) const
    {
        std::string out(n, '\0');
        BOOST_REQUIRE(::recv(accepted, out.data(), n, MSG_WAITALL) == static_cast<ssize_t>(n));
        return out;
    }
    unsigned segments() const
    {
        tcp_info info{};
        socklen_t size = sizeof info;
        BOOST_REQUIRE(::getsockopt(accepted, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
        return info.tcpi_data_segs_in;
    }
};

// The dot in a segment of its own waited for an acknowledgement that listeners put off: each hand-over took 40 ms.
BOOST_AUTO_TEST_CASE(the_final_dot_goes_with_the_content)
{
    for (const std::string& content : {std::string(6000, 'a') + "\r\n", std::string("a"), std::string()}) {
        Line line;
        BOOST_REQUIRE(line.dialogue.content(content));
        const std::string end = content.ends_with("\r\n") || content.empty() ? ".\r\n" : "\r\n.\r\n";
        BOOST_TEST(line.received(content.size() + end.size()) == content + end);
        BOOST_TEST(line.segments() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(dots_at_the_edges_of_blocks)
{
    // The line break ends the first block, the dot begins the second.
    const std::string first = std::string(64 * 1024 - 2, 'a') + "\r\n";
    Line line;
    BOOST_REQUIRE(line.dialogue.content(first + ".\r\n.b\r\n"));
    const std::string wanted = first + "..\r\n..b\r\n.\r\n";
    BOOST_TEST(line.received(wanted.size()) == wanted);
}

}  // namespace
