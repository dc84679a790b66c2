// How the DNS client lives on: what broke below it, other servers, a server that is silent for some.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unbound.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "policy/discovery/dns_client.h"
#include "tests/support/dns_server.h"
#include "tests/support/scratch.h"

using namespace direct;
using namespace direct::test;
using Kind = DnsAnswer::Kind;
using std::chrono::milliseconds;

namespace {

constexpr int cert = 37;

DnsOptions asking(const std::vector<std::string>& servers)
{
    DnsOptions options;
    options.servers = servers;
    options.dnssec = Dnssec::off;
    options.timeout = milliseconds(20000);
    return options;
}

SteadyTime in(milliseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

const milliseconds plenty{20000};

/// A question on its way through libunbound: is its asker still there?
struct Passed {
    void* asker = nullptr;
    ub_callback_type answered = nullptr;
    std::atomic<bool> left{false};
};
std::atomic<Passed*> watched{nullptr};  ///< takes the next question
std::atomic<bool> no_more_questions{false};
std::atomic<int> called_after_leaving{0};

void pass_on(void* data, int error, ub_result* result)
{
    auto& passed = *static_cast<Passed*>(data);
    if (!passed.left) return passed.answered(passed.asker, error, result);
    ++called_after_leaving;
    ub_resolve_free(result);
}

std::size_t threads()
{
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// What is open in this process: number, and what it is.
std::map<int, std::string> descriptors()
{
    std::map<int, std::string> all;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        all[std::stoi(entry.path().filename())] = std::filesystem::read_symlink(entry.path(), gone);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(servers_of_another_resolv_conf_are_asked_without_a_reload)
{
    Scratch scratch;
    DnsServer one, two;
    for (auto* server : {&one, &two})
        server->on("a.d.example", cert, {.records = {server == &one ? "one" : "two"}});
    DnsOptions options = asking({});
    options.resolv_conf = scratch.path() + "/resolv.conf";
    options.renew_pause = std::chrono::hours(1);  // what has changed is not what has broken
    DnsClient client(options);
    auto found = [&] {
        auto answer = client.query("a.d.example", DnsType::cert, in(plenty));
        return answer.kind == Kind::found ? answer.records.at(0) : answer.why;
    };
    BOOST_TEST(found().find("resolv.conf") != std::string::npos);  // not there yet
    auto names = [&](const DnsServer& server) {
        std::ofstream(options.resolv_conf + ".new") << "nameserver " << server.server() << "\n";
        std::filesystem::rename(options.resolv_conf + ".new", options.resolv_conf);
    };
    names(one);
    BOOST_TEST(found() == "one");
    BOOST_TEST(found() == "one");
    names(two);
    BOOST_TEST(found() == "two");
    BOOST_TEST(one.questions().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_context_that_broke_is_made_anew)
{
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one"}});
    server.on("dead.d.example", cert, {.silent = true});
    DnsOptions options = asking({server.server()});
    options.renew_pause = milliseconds(0);
    const auto before = descriptors();
    DnsClient client(options);
    BOOST_TEST((client.query("a.d.example", DnsType::cert, in(plenty)).kind == Kind::found));
    // Who waits is told at once, not at his deadline.
    DnsAnswer waited;
    std::thread waiting([&] { waited = client.query("dead.d.example", DnsType::cert, in(plenty)); });
    while (server.asked("dead.d.example", cert) == 0) std::this_thread::yield();
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const auto& [number, kind] : descriptors())
        if (!before.contains(number) && kind.starts_with("socket:")) ::dup2(nothing, number);
    waiting.join();
    BOOST_TEST(waited.why == "libunbound has stopped");
    auto answer = client.query("a.d.example", DnsType::cert, in(plenty));
    BOOST_TEST((answer.kind == Kind::found), answer.why);
    ::close(nothing);
}

// In the library's place: fails when told to, and sees who is called back.
extern "C" int ub_resolve_async(ub_ctx* context, const char* name, int type, int rrclass, void* asker,
                                ub_callback_type answered, int* id)
{
    if (no_more_questions) return UB_NOMEM;
    static const auto real =
        reinterpret_cast<decltype(&ub_resolve_async)>(::dlsym(RTLD_NEXT, "ub_resolve_async"));
    auto* passed = watched.exchange(nullptr);
    if (!passed) return real(context, name, type, rrclass, asker, answered, id);
    passed->asker = asker;
    passed->answered = answered;
    return real(context, name, type, rrclass, passed, &pass_on, id);
}

// One question that could not be asked lets all askers go; the answer to another one came to an asker that had left.
BOOST_AUTO_TEST_CASE(after_it_broke_nobody_is_called_back)
{
    DnsServer server;
    server.delay(milliseconds(1000));
    server.on("slow.d.example", cert, {.records = {"one"}});
    DnsClient client(asking({server.server()}));
    Passed passed;
    watched = &passed;
    DnsAnswer waited;
    std::thread waiting([&] {
        waited = client.query("slow.d.example", DnsType::cert, in(plenty));
        passed.left = true;
    });
    while (server.asked("slow.d.example", cert) == 0) std::this_thread::yield();
    const auto all = threads();
    no_more_questions = true;
    auto refused = client.query("b.d.example", DnsType::cert, in(plenty));
    no_more_questions = false;
    waiting.join();
    BOOST_TEST(refused.why.find("libunbound: ") == 0u, refused.why);
    BOOST_TEST(waited.why == "libunbound has stopped");
    // The asker's thread is gone; when the answer comes, the one that would hand it over ends too.
    while (threads() + 2 > all && called_after_leaving == 0) std::this_thread::yield();
    BOOST_TEST(called_after_leaving == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_start_is_not_tried_at_every_question)
{
    Scratch scratch;
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one"}});
    DnsOptions options = asking({server.server()});
    options.dnssec = Dnssec::require;
    options.trust_anchor = scratch.path() + "/anchor.key";
    auto ask = [&](DnsClient& client) { return client.query("a.d.example", DnsType::cert, in(plenty)).why; };
    DnsClient rarely(options);
    options.renew_pause = milliseconds(0);
    DnsClient always(options);
    for (auto* client : {&rarely, &always})
        BOOST_TEST(ask(*client).find("cannot be read") != std::string::npos);
    std::ofstream(options.trust_anchor)
        << "other.example. DS 12345 13 2 "
           "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n";
    BOOST_TEST(ask(rarely).find("cannot be read") != std::string::npos);
    BOOST_TEST(ask(always).find("not signed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_forked_process_has_a_context_of_its_own)
{
    DnsServer server;
    server.on("a.d.example", cert, {.records = {"one"}, .ttl = 0});
    DnsClient client(asking({server.server()}));
    BOOST_TEST((client.query("a.d.example", DnsType::cert, in(plenty)).kind == Kind::found));
    const pid_t child = ::fork();
    if (child == 0) {
        auto answer = client.query("a.d.example", DnsType::cert, in(plenty));
        ::_exit(answer.kind == Kind::found ? 0 : 1);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
    BOOST_TEST((client.query("a.d.example", DnsType::cert, in(plenty)).kind == Kind::found));
    BOOST_TEST(server.asked("a.d.example", cert) == 3u);
}

// A domain whose own servers are dead makes the site's server silent for its names. The library held that against the
// server: after 12 s it answered SERVFAIL for every other domain at once, for a minute. Now for some seconds at most: a
// mail server tries again, and so does this test, for a time far below that minute.
BOOST_AUTO_TEST_CASE(a_silent_domain_is_not_held_against_the_server_that_others_need)
{
    DnsServer server;
    server.delay(milliseconds(300));  // as the first good answer clears the server, several are on their way
    for (int i = 0; i < 10; ++i)
        server.on("u" + std::to_string(i) + ".good.example", cert, {.records = {"one"}});
    for (int i = 0; i < 4; ++i) server.on("d" + std::to_string(i) + ".dead.example", cert, {.silent = true});
    DnsClient client(asking({server.server()}));
    for (int i : {0, 1, 2, 3})
        client.query("d" + std::to_string(i) + ".dead.example", DnsType::cert,
                     in(milliseconds(i < 2 ? 5000 : 3000)));
    std::vector<std::thread> askers;
    std::atomic<int> good{0};
    for (int i = 0; i < 10; ++i)
        askers.emplace_back([&, i] {
            const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
            bool found = false;
            const auto ask = [&] {
                const auto name = "u" + std::to_string(i) + ".good.example";
                return client.query(name, DnsType::cert, in(plenty)).kind == Kind::found;
            };
            while (!(found = ask()) && std::chrono::steady_clock::now() < until)
                std::this_thread::sleep_for(milliseconds(50));
            good += found;
        });
    for (auto& asker : askers) asker.join();
    BOOST_TEST(good == 10);
}
