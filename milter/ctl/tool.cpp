#include "milter/ctl/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace direct::ctl {
namespace {

constexpr std::size_t output_max = 4 << 20;

std::string find(const std::string& program)
{
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"})
        if (::access((folder + program).c_str(), X_OK) == 0) return folder + program;
    return "";
}

/// Everything until the other end closes; false at the deadline or when it is too much.
bool read_until_end(int fd, std::chrono::steady_clock::time_point deadline, std::string& text)
{
    char buffer[65536];
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline -
                                                                          std::chrono::steady_clock::now());
        pollfd waiting{fd, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) return false;
        auto n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > output_max) return false;
    }
}

}  // namespace

Result<ToolOutput> run_tool(const std::vector<std::string>& arguments, milliseconds limit)
{
    auto program = find(arguments.front());
    if (program.empty()) return fail(temporary(arguments.front() + " is not installed"));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(temporary("pipe"));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LC_ALL=C";
    char* environment[] = {path, language, nullptr};
    pid_t child = -1;
    int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    ToolOutput out;
    bool whole = failed == 0 && read_until_end(ends[0], std::chrono::steady_clock::now() + limit, out.text);
    ::close(ends[0]);
    if (failed != 0) return fail(temporary(program + " cannot be started"));
    if (!whole) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!whole) return fail(temporary(program + " took too long or printed too much"));
    out.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 127;
    return out;
}

}  // namespace direct::ctl
