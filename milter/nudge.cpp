#include "milter/nudge.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "milter/base/handle.h"
#include "milter/base/metrics.h"

namespace direct {

Nudge::Nudge(std::function<void()> connect, milliseconds quiet, milliseconds most)
    : connect_(std::move(connect)), quiet_(quiet), most_(most), thread_([this] { run(); })
{
}

Nudge::~Nudge()
{
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

Nudge::Taken::Taken(Nudge& nudge) : nudge_(nudge)
{
    std::lock_guard lock(nudge_.mutex_);
    if (nudge_.taken_++ == 0) nudge_.wake_.notify_one();
}

Nudge::Taken::~Taken()
{
    std::lock_guard lock(nudge_.mutex_);
    --nudge_.taken_;  // nobody is woken: whoever is gone so soon had no need of it
}

void Nudge::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || taken_ > 0; });
        if (stopping_) return;
        watch_taken(lock);
    }
}

void Nudge::watch_taken(std::unique_lock<std::mutex>& lock)
{
    auto pause = quiet_;
    bool nudged = false;
    auto seen = moves_.load(std::memory_order_relaxed);
    for (;;) {
        if (wake_.wait_for(lock, pause, [this] { return stopping_; }) || taken_ == 0) return;
        if (const auto now = moves_.load(std::memory_order_relaxed); now != seen) {
            seen = now;
            pause = nudged ? quiet_ / 5 : quiet_;  // the one served now may not have been the only one
            continue;
        }
        lock.unlock();
        try {
            connect_();
        } catch (const std::exception&) {  // no memory now: the next one may have it
        }
        count(Metric::worker_nudges_total);
        nudged = true;
        lock.lock();
        pause = std::min(pause * 2, most_);
    }
}

namespace {

constexpr timeval patience{0, 100'000};  // a full backlog must not hold the next nudge up for longer

void touch(int family, const sockaddr* address, socklen_t size)
{
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    static_cast<void>(::connect(fd, address, size));
    ::close(fd);
}

void touch_inet(const std::string& host, const std::string& port)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return;
    const Handle<addrinfo, ::freeaddrinfo> owned(found);
    touch(found->ai_family, found->ai_addr, found->ai_addrlen);
}

}  // namespace

void touch_socket(const std::string& socket)
{
    if (socket.starts_with("unix:")) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = socket.substr(5);
        if (path.size() >= sizeof address.sun_path) return;
        std::memcpy(address.sun_path, path.data(), path.size());
        touch(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } else if (socket.starts_with("inet:")) {
        const auto rest = socket.substr(5);
        const auto colon = rest.rfind(':');
        if (colon != std::string::npos) touch_inet(rest.substr(0, colon), rest.substr(colon + 1));
    }
}

}  // namespace direct
