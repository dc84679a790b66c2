// The socket: rights, one request per connection, hostile and slow peers, ending in order.
#include "milter/records/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fstream>
#include <thread>

#include "milter/base/child.h"
#include "milter/records/peer.h"
#include "milter/records/protocol.h"
#include "tests/support/memory_store.h"
#include "tests/support/scratch.h"

using namespace direct;

namespace {

struct World {
    test::Scratch scratch;
    test::MemoryStore store;
    SystemClock clock;
    RecordService service{store, clock, {}};
    std::string path = scratch / "control.sock";
    std::unique_ptr<ControlServer> start()
    {
        auto server = ControlServer::start(path, service);
        BOOST_REQUIRE_MESSAGE(server, (server ? "" : server.error().why));
        return std::move(*server);
    }
};

int connect_raw(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

auto soon()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_question_is_answered_and_the_socket_is_not_for_all)
{
    World w;
    BOOST_TEST(!daemon_runs(w.path));
    auto silent = ask_daemon(w.path, "store.stat", "{}");
    BOOST_REQUIRE(!silent);
    BOOST_TEST(silent.error().why.find("not running") != std::string::npos);
    {
        auto server = w.start();
        struct stat s {};
        BOOST_REQUIRE(stat(w.path.c_str(), &s) == 0);
        BOOST_TEST((s.st_mode & 0777) == 0660u);
        BOOST_TEST(daemon_runs(w.path));
        for (int i = 0; i < 20; ++i) {
            auto reply = ask_daemon(w.path, "store.stat", "{}");
            BOOST_REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().why));
            BOOST_TEST(reply->exit == 0);
        }
        auto unknown = ask_daemon(w.path, "no.such", "{}");
        BOOST_REQUIRE(unknown);
        BOOST_TEST(unknown->exit == 2);
    }
    BOOST_TEST(access(w.path.c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(a_running_daemon_is_not_displaced_and_a_dead_one_is)
{
    World w;
    auto first = w.start();
    auto second = ControlServer::start(w.path, w.service);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().reason == Reason::configuration));
    BOOST_TEST(daemon_runs(w.path));
    first.reset();

    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, w.path.c_str(), sizeof address.sun_path - 1);
    BOOST_REQUIRE(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    close(dead);
    auto third = w.start();
    BOOST_TEST(daemon_runs(w.path));
    third.reset();

    std::ofstream(w.path) << "a file somebody needs";
    BOOST_TEST(!ControlServer::start(w.path, w.service));
    BOOST_TEST(access(w.path.c_str(), F_OK) == 0);
    BOOST_TEST(!ControlServer::start(std::string(200, 'x'), w.service));
}

BOOST_AUTO_TEST_CASE(hostile_frames_get_one_answer_and_harm_nobody)
{
    World w;
    auto server = w.start();
    for (const auto& bytes :
         {std::string("\xff\xff\xff\xff"), std::string("\0\0\0\x02{}", 6), std::string("\0\0\0\x04null", 8),
          *frame(R"({"verb":"note","parameters":{},"who":"root"})", 1000)}) {
        int fd = connect_raw(w.path);
        BOOST_REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
        auto payload = read_frame(fd, reply_frame_max, soon());
        BOOST_REQUIRE(payload);
        auto reply = decode_reply(*payload);
        BOOST_REQUIRE(reply);
        BOOST_TEST(reply->exit == 2);
        close(fd);
    }
    for (int i = 0; i < 5; ++i) close(connect_raw(w.path));
    int cut = connect_raw(w.path);
    BOOST_REQUIRE(write(cut, "\0\0", 2) == 2);
    close(cut);
    BOOST_TEST(ask_daemon(w.path, "store.stat", "{}").has_value());
}

BOOST_AUTO_TEST_CASE(silent_peers_do_not_keep_others_out_and_the_server_ends_with_them_connected)
{
    World w;
    auto server = w.start();
    std::vector<int> silent;
    for (int i = 0; i < 3; ++i) silent.push_back(connect_raw(w.path));
    auto reply = ask_daemon(w.path, "store.stat", "{}");
    BOOST_TEST((reply && reply->exit == 0));
    // More than the server has workers: somebody is told to come again, nobody waits for ever.
    for (int i = 0; i < 10; ++i) silent.push_back(connect_raw(w.path));
    auto before = std::chrono::steady_clock::now();
    server.reset();
    BOOST_TEST((std::chrono::steady_clock::now() - before < std::chrono::seconds(4)));
    for (int fd : silent) close(fd);
}

BOOST_AUTO_TEST_CASE(many_ask_at_once)
{
    World w;
    auto server = w.start();
    std::atomic<int> good = 0, busy = 0, lost = 0;
    std::vector<std::thread> askers;
    for (int t = 0; t < 6; ++t)
        askers.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                auto reply = ask_daemon(w.path, "note", R"({"event":"explain"})");
                (!reply ? lost : reply->exit == 0 ? good : busy)++;
            }
        });
    for (auto& a : askers) a.join();
    BOOST_TEST(lost == 0);
    BOOST_TEST(good + busy == 120);
    BOOST_TEST(good > 0);
    BOOST_TEST(w.store.rows(Table::audit) == static_cast<std::size_t>(good.load()));
}

BOOST_AUTO_TEST_CASE(the_peer_is_who_the_kernel_says)
{
    int ends[2];
    BOOST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    auto caller = caller_of(ends[0]);
    BOOST_REQUIRE(caller);
    BOOST_TEST(caller->uid == getuid());
    BOOST_TEST(caller->admin);
    BOOST_TEST(caller->name.starts_with("uid " + std::to_string(getuid())));
    BOOST_TEST(name_of_uid(4294900000u) == "uid 4294900000");
    for (int fd : ends) close(fd);
}
