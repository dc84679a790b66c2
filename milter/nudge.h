// nudge.h - a session whose command has come gets a worker although all that libmilter has are taken.
//
// libmilter's pool starts a worker for a command only when it counts no idle one, and counts one as idle until that
// has woken up. Of many commands that come at once the most are so given to the same few workers; where these then
// wait for the DNS, the disk or a listener, everybody behind waits with them (200 messages that asked a slow DNS: ten
// at a time, and all other mail behind them). A new connection finds no idle worker, gets one made, and that
// one serves whoever waits. So while a worker is taken and no session has moved for a moment, one is opened and closed.
// Thread safe.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "milter/base/clock.h"

namespace direct {

class Nudge {
public:
    /// @param connect  opens and closes a connection to our own socket; called by a thread of its own
    /// @param quiet    no session has moved for so long: the first nudge
    /// @param most     the longest time between two that brought nothing; each such one doubles it
    explicit Nudge(std::function<void()> connect, milliseconds quiet = milliseconds(5),
                   milliseconds most = milliseconds(500));
    ~Nudge();
    Nudge(const Nudge&) = delete;
    Nudge& operator=(const Nudge&) = delete;

    /// A session has got a worker for its next command.
    void moved() { moves_.fetch_add(1, std::memory_order_relaxed); }

    /// Held while a worker may wait for something.
    class Taken {
    public:
        explicit Taken(Nudge& nudge);
        ~Taken();
        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;

    private:
        Nudge& nudge_;
    };

private:
    void run();
    void watch_taken(std::unique_lock<std::mutex>& lock);

    const std::function<void()> connect_;
    const milliseconds quiet_, most_;
    std::atomic<std::uint64_t> moves_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    int taken_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

/// Opens a connection and closes it; what fails is nobody's trouble.
/// @param socket  Postfix's spelling: unix:/path or inet:host:port
void touch_socket(const std::string& socket);

}  // namespace direct
