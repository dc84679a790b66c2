#include "milter/base/spool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/metrics.h"
#include "tests/support/scratch.h"

using namespace direct;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t plenty = 64 << 20;

std::string pattern(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>('a' + i * 7 % 23 + i / 65536 % 3);
    return s;
}

// Our own descriptor of the unnamed file below `directory`, or -1.
int spool_descriptor(const std::string& directory)
{
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        const auto target = fs::read_symlink(entry.path(), ignored).string();
        if (target.starts_with(directory + "/")) return std::stoi(entry.path().filename());
    }
    return -1;
}

// Files may not grow beyond `bytes` while this lives: a disk that is full, without a disk.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes)
    {
        old_handler_ = ::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &old_);
        rlimit now = old_;
        now.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FullDisk()
    {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        ::signal(SIGXFSZ, old_handler_);
    }

private:
    rlimit old_{};
    void (*old_handler_)(int) = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(spool)

// Every write of the spool fails or comes short in turn: the limit goes up in steps smaller than a piece.
BOOST_AUTO_TEST_CASE(wherever_the_disk_is_full_the_spool_stays_at_fault_and_leaves_nothing)
{
    const auto bytes = pattern(600'000);
    unsigned failed = 0;
    for (rlim_t room = 0; room < 700'000; room += 30'011) {
        const test::Scratch dir;
        Spool s(dir.path(), plenty);
        const auto before = metric_value(Metric::spool_failures_total);
        Status last = Done{};
        {
            const FullDisk disk(room);
            for (std::size_t at = 0; at < bytes.size() && last; at += 10'000)
                last = s.append(std::string_view(bytes).substr(at, 10'000));
        }
        if (last) continue;
        ++failed;
        BOOST_TEST((last.error().retry == Retry::later));
        BOOST_TEST(metric_value(Metric::spool_failures_total) == before + 1);
        BOOST_TEST(!s.append("more").has_value());  // there is room again, but a piece is missing
        BOOST_TEST(!s.read_all().has_value());
        BOOST_TEST(metric_value(Metric::spool_failures_total) == before + 1);
        BOOST_TEST(fs::is_empty(dir.path()));
        Spool next(dir.path(), plenty);
        BOOST_TEST(next.append(bytes).has_value());
        BOOST_TEST((*next.read_all() == bytes));
    }
    BOOST_TEST(failed >= 19U);
}

// A message must not take the descriptors that the process needs to go on.
BOOST_AUTO_TEST_CASE(the_last_descriptors_are_left_alone)
{
    const test::Scratch dir;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    BOOST_REQUIRE(next_free >= 0);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next_free) + 10;
    ::setrlimit(RLIMIT_NOFILE, &few);
    Spool s(dir.path(), plenty);
    const auto status = s.append(pattern(600'000));
    ::setrlimit(RLIMIT_NOFILE, &before);
    ::close(next_free);
    BOOST_REQUIRE(!status);
    BOOST_TEST((status.error().retry == Retry::later));
    BOOST_TEST(status.error().why.find("Too many open files") != std::string::npos);
    Spool next(dir.path(), plenty);
    BOOST_TEST(next.append(pattern(600'000)).has_value());
}

BOOST_AUTO_TEST_CASE(small_messages_stay_in_memory)
{
    Spool s("/no/such/folder", plenty);
    BOOST_TEST(s.read_all()->empty());
    const auto bytes = pattern(spool_memory);
    BOOST_REQUIRE(s.append(bytes).has_value());
    BOOST_REQUIRE(s.append("").has_value());
    BOOST_TEST(!s.on_disk());
    BOOST_TEST(s.size() == bytes.size());
    BOOST_TEST((*s.read_all() == bytes));
}

BOOST_AUTO_TEST_CASE(large_messages_come_back_whole)
{
    const test::Scratch dir;
    for (const std::size_t step : {1000U, 65535U, 65536U, 65537U, 3'000'000U}) {
        const auto bytes = pattern(1'500'001);
        Spool s(dir.path(), plenty);
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            BOOST_REQUIRE(s.append(std::string_view(bytes).substr(at, step)).has_value());
            if (at / step == 3) BOOST_REQUIRE(s.read_all()->size() == s.size());  // reading on the way
        }
        BOOST_TEST(s.on_disk());
        BOOST_TEST(s.size() == bytes.size());
        BOOST_TEST((*s.read_all() == bytes));
        Spool moved(std::move(s));
        BOOST_TEST((*moved.read_all() == bytes));
    }
}

BOOST_AUTO_TEST_CASE(the_file_has_no_name_and_cannot_be_read)
{
    const test::Scratch dir;
    Spool s(dir.path(), plenty);
    BOOST_REQUIRE(s.append(std::string(1 << 20, 'q') + "needle").has_value());
    BOOST_REQUIRE(s.on_disk());
    BOOST_TEST(fs::is_empty(dir.path()));
    const int fd = spool_descriptor(dir.path());
    BOOST_REQUIRE(fd >= 0);
    struct stat info {};
    BOOST_REQUIRE(::fstat(fd, &info) == 0);
    BOOST_TEST(info.st_nlink == 0U);
    BOOST_TEST((info.st_mode & 077) == 0U);
    std::string raw(static_cast<std::size_t>(info.st_size), '\0');
    BOOST_REQUIRE(::pread(fd, raw.data(), raw.size(), 0) == info.st_size);
    BOOST_TEST(raw.find("qqqqqqqq") == std::string::npos);
    BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(what_was_changed_on_disk_does_not_open)
{
    constexpr off_t sealed = 64 * 1024 + 28;
    const test::Scratch dir;
    {
        Spool s(dir.path(), plenty);
        BOOST_REQUIRE(s.append(pattern(600'000)).has_value());
        const int fd = spool_descriptor(dir.path());
        char c = 0;
        BOOST_REQUIRE(::pread(fd, &c, 1, sealed + 100) == 1);
        c = static_cast<char>(c ^ 1);
        BOOST_REQUIRE(::pwrite(fd, &c, 1, sealed + 100) == 1);
        const auto read = s.read_all();
        BOOST_REQUIRE(!read);
        BOOST_TEST((read.error().reason == Reason::temporary));
    }
    {
        // Two pieces change places.
        Spool s(dir.path(), plenty);
        BOOST_REQUIRE(s.append(pattern(600'000)).has_value());
        const int fd = spool_descriptor(dir.path());
        std::string a(sealed, '\0'), b(sealed, '\0');
        BOOST_REQUIRE(::pread(fd, a.data(), a.size(), 0) == sealed);
        BOOST_REQUIRE(::pread(fd, b.data(), b.size(), sealed) == sealed);
        BOOST_REQUIRE(::pwrite(fd, b.data(), b.size(), 0) == sealed);
        BOOST_REQUIRE(::pwrite(fd, a.data(), a.size(), sealed) == sealed);
        BOOST_TEST(!s.read_all());
    }
    {
        Spool s(dir.path(), plenty);
        BOOST_REQUIRE(s.append(pattern(600'000)).has_value());
        BOOST_REQUIRE(::ftruncate(spool_descriptor(dir.path()), sealed) == 0);
        BOOST_TEST(!s.read_all());
    }
}

BOOST_AUTO_TEST_CASE(one_byte_too_many_is_too_large_and_stays_so)
{
    Spool s("/no/such/folder", 10);
    BOOST_REQUIRE(s.append("0123456789").has_value());
    const auto status = s.append("x");
    BOOST_REQUIRE(!status);
    BOOST_TEST((status.error().reason == Reason::too_large));
    BOOST_TEST(!s.append(""));
    BOOST_TEST((s.read_all().error().reason == Reason::too_large));
}

BOOST_AUTO_TEST_CASE(no_folder_is_temporary)
{
    Spool s("/no/such/folder", plenty);
    const auto status = s.append(std::string(spool_memory + 1, 'x'));
    BOOST_REQUIRE(!status);
    BOOST_TEST((status.error().retry == Retry::later));
    BOOST_TEST(status.error().why.find("/no/such/folder") != std::string::npos);
    BOOST_TEST(!s.append("x"));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_temporary_and_leaves_nothing)
{
    const test::Scratch dir;
    {
        Spool s(dir.path(), plenty);
        const FullDisk full(300'000);
        Status status = Done{};
        for (int i = 0; i < 20 && status; ++i) status = s.append(pattern(100'000));
        BOOST_REQUIRE(!status);
        BOOST_TEST((status.error().retry == Retry::later));
        BOOST_TEST((s.read_all().error().reason == Reason::temporary));
    }
    BOOST_TEST(fs::is_empty(dir.path()));
    BOOST_TEST(spool_descriptor(dir.path()) == -1);
}

BOOST_AUTO_TEST_SUITE_END()
