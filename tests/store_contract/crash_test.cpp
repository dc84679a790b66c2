// A writer killed with SIGKILL in the middle: opened again without repair, every acknowledged record
// and its content are there.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "milter/store/codec.h"
#include "milter/store/schema.h"
#include "tests/store_contract/factories.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

extern char** environ;

namespace {

/// Starts the writer, waits for `wanted` acknowledgements, kills it, and returns all it acknowledged.
std::set<std::uint32_t> write_and_kill(const std::string& place, unsigned first, std::size_t wanted)
{
    int out[2];
    BOOST_REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string program = build_dir() + "/tests/store_writer", folder = place;
    std::string number = std::to_string(first), threads = "8";
    char* argv[] = {program.data(), folder.data(), number.data(), threads.data(), nullptr};
    pid_t child = -1;
    const int spawned = posix_spawn(&child, program.c_str(), &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    BOOST_REQUIRE_MESSAGE(spawned == 0, program);

    std::string text;
    char bytes[4096];
    bool killed = false;
    for (ssize_t n; (n = ::read(out[0], bytes, sizeof bytes)) > 0;) {
        text.append(bytes, static_cast<std::size_t>(n));
        const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        if (!killed && lines >= wanted) killed = ::kill(child, SIGKILL) == 0;
    }
    ::close(out[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));

    std::set<std::uint32_t> numbers;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        numbers.insert(static_cast<std::uint32_t>(std::stoul(text.substr(at, end - at))));
    return numbers;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_acknowledged_record_survives_a_kill, Factory, AllStores)
{
    Scratch scratch;
    std::set<std::uint32_t> acknowledged;
    for (unsigned round = 0; round < 4; ++round) {
        const auto more = write_and_kill(scratch.path(), 1 + round * 1'000'000, 20 + 37 * round);
        BOOST_TEST(more.size() >= 20 + 37 * round);
        acknowledged.insert(more.begin(), more.end());

        auto store = Factory::open(scratch.path());
        BOOST_REQUIRE_MESSAGE(store, (store ? "" : store.error().why));
        BOOST_TEST((*store)->sweep(0).has_value());
        std::size_t good = 0;
        for (const std::uint32_t n : acknowledged) {
            const auto ref = decode_content_ref(get(**store, Table::message, be32(n)));
            if (!ref) continue;
            const auto bytes = (*store)->content(*ref);
            good += bytes && *bytes == std::string(n * 997ull % 20000, static_cast<char>('a' + n % 26));
        }
        BOOST_TEST(good == acknowledged.size());

        // After the sweep the content files are exactly those that records name.
        std::uint64_t files_named = 0;
        BOOST_TEST((*store)
                       ->read([&](ReadTxn& txn) {
                           return txn.scan(Table::message, "", "", [&](auto, std::string_view value) {
                               const auto ref = decode_content_ref(value);
                               files_named += ref && ref->in_file;
                               return true;
                           });
                       })
                       .has_value());
        const auto stat = (*store)->stat();
        BOOST_TEST((stat && stat->content_files == files_named));
    }
}
