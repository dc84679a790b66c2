// child.h - a child process: spawned (posix_spawn, never fork: threads and LMDB forbid it), spoken to
// over a socket pair, killed by its own process id, always waited for.
// An object belongs to one thread at a time.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "milter/base/result.h"

namespace direct {

class Child {
public:
    struct Options {
        std::string program;                 ///< absolute path
        std::vector<std::string> arguments;  ///< without the program's name
        int channel_fd = 3;                  ///< the child's end of the socket pair
        bool quiet = false;                  ///< standard error to /dev/null
    };
    /// Starts the program with an empty environment (but PATH, TZ, and for sanitizers *SAN_OPTIONS), standard
    /// input and output at /dev/null, default signal mask and handlers, all other descriptors closed.
    /// Fault: temporary.
    static Result<Child> spawn(const Options& options);

    Child(Child&&) noexcept;
    Child& operator=(Child&&) noexcept;
    ~Child();  ///< kills with SIGKILL and waits

    pid_t pid() const;    ///< -1 once it was waited for
    int channel() const;  ///< our end of the stream socket pair; owned by the Child
    bool running();       ///< waits without blocking
    /// Kills and waits; returns the wait status. Ended before: the status it ended with.
    int end();

private:
    Child() = default;
    pid_t pid_ = -1;
    int fd_ = -1;
    int status_ = 0;
};

/// For sockets and pipes. Writes everything, or stops at the deadline.
/// Fault: temporary ("timeout", "closed", errno text).
Status write_fully(int fd, std::string_view bytes, std::chrono::steady_clock::time_point deadline);
/// Reads exactly n bytes, or stops at the deadline or at end of file. Fault: temporary.
Result<std::string> read_fully(int fd, std::size_t n, std::chrono::steady_clock::time_point deadline);

}  // namespace direct
