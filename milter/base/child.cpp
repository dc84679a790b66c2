// child.cpp - see child.h. The child gets exactly three standard descriptors and the channel; its
// signal mask and handlers are the defaults, its environment is PATH, TZ and the sanitizers' options.
#include "milter/base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace direct {
namespace {

std::string error_text(int error)
{
    return std::generic_category().message(error);
}

std::vector<std::string> child_environment()
{
    std::vector<std::string> out;
    for (const char* name : {"PATH", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings)
{
    std::vector<char*> out;
    for (auto& s : strings) out.push_back(s.data());
    out.push_back(nullptr);
    return out;
}

struct Actions {
    posix_spawn_file_actions_t raw;
    Actions() { posix_spawn_file_actions_init(&raw); }
    ~Actions() { posix_spawn_file_actions_destroy(&raw); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
};

struct Attributes {
    posix_spawnattr_t raw;
    Attributes() { posix_spawnattr_init(&raw); }
    ~Attributes() { posix_spawnattr_destroy(&raw); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
};

int arrange_descriptors(Actions& actions, int end, int channel_fd, bool quiet)
{
    auto* a = &actions.raw;
    int rc = posix_spawn_file_actions_addopen(a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_addopen(a, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!rc && quiet) rc = posix_spawn_file_actions_addopen(a, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_adddup2(a, end, channel_fd);
    for (int fd = STDERR_FILENO + 1; !rc && fd < channel_fd; ++fd)
        rc = posix_spawn_file_actions_addclose(a, fd);
    if (!rc) rc = posix_spawn_file_actions_addclosefrom_np(a, channel_fd + 1);
    return rc;
}

int arrange_signals(Attributes& attributes)
{
    // We block signals in all threads but one and ignore SIGPIPE; exec would hand both down.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(&attributes.raw, &none);
    if (!rc) rc = posix_spawnattr_setsigdefault(&attributes.raw, &all);
    if (!rc) rc = posix_spawnattr_setflags(&attributes.raw, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return rc;
}

using Deadline = std::chrono::steady_clock::time_point;

// Waits until fd can be used; Fault at the deadline.
Status wait_for(int fd, short events, Deadline deadline)
{
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) return fail(temporary("timeout"));
        pollfd p{fd, events, 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 60'000)));
        if (n > 0) return Done{};
        if (n < 0 && errno != EINTR) return fail(temporary(error_text(errno)));
    }
}

bool again(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Result<Child> Child::spawn(const Options& options)
{
    const auto cannot = [&](int error) {
        return fail(temporary("cannot start " + options.program + ": " + error_text(error)));
    };
    if (options.channel_fd <= STDERR_FILENO) return cannot(EBADF);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return cannot(errno);
    Child child;
    child.fd_ = ends[0];
    // Above the channel's number, so that no file action runs over it.
    const int end = ::fcntl(ends[1], F_DUPFD_CLOEXEC, options.channel_fd + 1);
    const int dup_error = errno;
    ::close(ends[1]);
    if (end < 0) return cannot(dup_error);

    Actions actions;
    Attributes attributes;
    int rc = arrange_descriptors(actions, end, options.channel_fd, options.quiet);
    if (!rc) rc = arrange_signals(attributes);
    if (!rc) {
        std::vector<std::string> words{options.program};
        words.insert(words.end(), options.arguments.begin(), options.arguments.end());
        auto environment = child_environment();
        rc = ::posix_spawn(&child.pid_, options.program.c_str(), &actions.raw, &attributes.raw,
                           pointers(words).data(), pointers(environment).data());
        if (rc) child.pid_ = -1;
    }
    ::close(end);
    if (rc) return cannot(rc);
    return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), fd_(std::exchange(other.fd_, -1)), status_(other.status_)
{
}

Child& Child::operator=(Child&& other) noexcept
{
    Child taken(std::move(other));  // ends the child we had when it goes
    std::swap(pid_, taken.pid_);
    std::swap(fd_, taken.fd_);
    std::swap(status_, taken.status_);
    return *this;
}

Child::~Child()
{
    end();
    if (fd_ >= 0) ::close(fd_);
}

pid_t Child::pid() const
{
    return pid_;
}
int Child::channel() const
{
    return fd_;
}

bool Child::running()
{
    if (pid_ < 0) return false;
    pid_t n;
    do n = ::waitpid(pid_, &status_, WNOHANG);
    while (n < 0 && errno == EINTR);
    if (n == 0) return true;
    pid_ = -1;  // the number may belong to somebody else from now on
    return false;
}

int Child::end()
{
    if (!running()) return status_;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status_;
}

Status write_fully(int fd, std::string_view bytes, Deadline deadline)
{
    bool socket = true;
    while (!bytes.empty()) {
        CHECK(wait_for(fd, POLLOUT, deadline));
        auto n = socket ? ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
        if (socket && n < 0 && errno == ENOTSOCK) socket = false;
        // A pipe that poll calls writable takes PIPE_BUF bytes without blocking, not more.
        if (!socket) n = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), 4096));
        if (n < 0 && again(errno)) continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return fail(temporary("closed"));
        if (n < 0) return fail(temporary(error_text(errno)));
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return Done{};
}

Result<std::string> read_fully(int fd, std::size_t n, Deadline deadline)
{
    // n may be a length the other side claims: memory grows with what really comes.
    std::string out;
    while (out.size() < n) {
        CHECK(wait_for(fd, POLLIN, deadline));
        const std::size_t have = out.size();
        const std::size_t step = std::min<std::size_t>(n - have, std::max<std::size_t>(64 * 1024, have));
        out.resize(have + step);
        const auto got = ::read(fd, out.data() + have, step);
        const int error = errno;
        out.resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && again(error)) continue;
        if (got == 0 || (got < 0 && error == ECONNRESET)) return fail(temporary("closed"));
        if (got < 0) return fail(temporary(error_text(error)));
    }
    return out;
}

}  // namespace direct
