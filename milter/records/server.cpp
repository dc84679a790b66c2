// server.cpp - accept thread and a few short-lived workers. Whoever is slow costs a worker for five seconds,
// never the others; more than eight at once are told to come again. No name is looked up before the
// peer's credentials are known, no byte is believed before protocol.h has checked it.
#include "milter/records/server.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <typeinfo>

#include "milter/base/child.h"
#include "milter/base/log.h"
#include "milter/records/peer.h"
#include "milter/records/protocol.h"

namespace direct {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr std::size_t workers_max = 8;
constexpr auto request_time = std::chrono::seconds(5);
constexpr auto reply_time = std::chrono::seconds(30);

SteadyTime in(std::chrono::milliseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& o) noexcept
    {
        std::swap(fd_, o.fd_);
        return *this;
    }
    ~Descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

std::string error_text()
{
    return std::generic_category().message(errno);
}

Result<sockaddr_un> address_of(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(misconfigured("control.socket: \"" + path + "\" is empty or longer than 107 bytes"));
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<Descriptor> connect_to(const std::string& path)
{
    TRY(auto address, address_of(path));
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return fail(temporary("socket: " + error_text()));
    // A full backlog would block here for ever; the answer is the same as for nobody listening.
    timeval limit{5, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EACCES || errno == EPERM)
            return fail(
                temporary(path + ": " + error_text() + " (root or group " + service_user + " may ask)"));
        return fail(temporary("not running (" + path + ": " + error_text() + ")"));
    }
    return fd;
}

/// Takes an old socket away that nobody answers on. Anything else in its place stays.
Status clear_way(const std::string& path)
{
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return Done{};
        return fail(misconfigured(path + ": " + error_text()));
    }
    if (!S_ISSOCK(found.st_mode)) return fail(misconfigured(path + " is in the way and no socket"));
    if (connect_to(path)) return fail(misconfigured("another daemon answers on " + path + " already"));
    if (::unlink(path.c_str()) != 0) return fail(misconfigured(path + ": " + error_text()));
    return Done{};
}

/// Mode 0660 and group direct. Without that right (tests, a user's own trial) the group stays as it is.
Status set_rights(const std::string& path)
{
    char buffer[16384];
    group entry{}, *found = nullptr;
    if (getgrnam_r(service_user, &entry, buffer, sizeof buffer, &found) == 0 && found &&
        entry.gr_gid != getegid() && ::lchown(path.c_str(), static_cast<uid_t>(-1), entry.gr_gid) != 0 &&
        errno != EPERM)
        return fail(misconfigured(path + ": " + error_text()));
    if (::chmod(path.c_str(), 0660) != 0) return fail(misconfigured(path + ": " + error_text()));
    return Done{};
}

Result<Descriptor> listen_on(const std::string& path)
{
    TRY(auto address, address_of(path));
    CHECK(clear_way(path));
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return fail(temporary("socket: " + error_text()));
    // The mode is set on the socket before bind, so that it never lies there open to all.
    ::fchmod(fd.get(), 0600);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(misconfigured(path + ": " + error_text()));
    CHECK(set_rights(path));
    if (::listen(fd.get(), 16) != 0) return fail(misconfigured(path + ": " + error_text()));
    return fd;
}

class Server : public ControlServer {
public:
    Server(std::string path, Descriptor listener, Descriptor wake, RecordService& service)
        : path_(std::move(path)), listener_(std::move(listener)), wake_(std::move(wake)), service_(service)
    {
        struct stat made {};
        if (::lstat(path_.c_str(), &made) == 0) inode_ = made.st_ino;
        accepting_ = std::thread([this] { accept_all(); });
    }

    ~Server() override
    {
        stopping_ = true;
        std::uint64_t one = 1;
        [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
        accepting_.join();
        {
            std::lock_guard lock(mutex_);
            for (auto& w : workers_) ::shutdown(w.socket.get(), SHUT_RDWR);  // ends its waiting
        }
        for (auto& w : workers_) w.thread.join();
        struct stat now {};
        if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == inode_) ::unlink(path_.c_str());
    }

private:
    struct Worker {
        Descriptor socket;
        std::thread thread;
        std::atomic<bool> done = false;
    };

    void accept_all()
    {
        for (;;) {
            pollfd waiting[2] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
            if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
            if (stopping_) return;
            Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (peer.get() < 0) {
                // Out of descriptors: the waiting connection would make poll() return at once for ever.
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) ::poll(&waiting[1], 1, 100);
                continue;
            }
            take(std::move(peer));
        }
    }

    void take(Descriptor peer)
    {
        std::lock_guard lock(mutex_);
        workers_.remove_if([](Worker& w) {
            if (!w.done) return false;
            w.thread.join();
            return true;
        });
        if (workers_.size() >= workers_max) {
            answer(peer.get(), {75, R"({"error":"temporary","detail":"too many requests at once"})"},
                   in(milliseconds(100)));
            return;
        }
        auto& worker = workers_.emplace_back();
        worker.socket = std::move(peer);
        worker.thread = std::thread([this, &worker] {
            // Border: what a library throws ends here and costs this request only.
            try {
                serve(worker.socket.get());
            } catch (const std::exception& e) {
                LogLine(LOG_CRIT, "", "unexpected")
                    .with("where", "control socket")
                    .with("what", typeid(e).name());
            }
            ::shutdown(worker.socket.get(), SHUT_RDWR);  // the peer sees the end now, not at the next request
            worker.done = true;
        });
    }

    static void answer(int fd, const Reply& reply, SteadyTime deadline)
    {
        if (write_frame(fd, encode_reply(reply), reply_frame_max, deadline)) return;
        static_cast<void>(
            write_frame(fd, R"({"exit":75,"json":{"error":"temporary","detail":"the reply is too long"}})",
                        reply_frame_max, deadline));
    }

    void serve(int fd)
    {
        auto caller = caller_of(fd);
        if (!caller) {
            LogLine(LOG_WARNING, "", "control").with("refused", caller.error().why);
            answer(fd, {1, R"({"error":"not-permitted","detail":"only root and group direct may ask"})"},
                   in(reply_time));
            return;
        }
        auto payload = read_frame(fd, request_frame_max, in(request_time));
        if (!payload && payload.error().reason != Reason::input)
            return;  // a knock: nobody waits for an answer
        auto request = payload ? decode_request(*payload) : fail(payload.error());
        if (!request) {
            LogLine(LOG_WARNING, "", "control")
                .with("who", caller->name)
                .with("refused", request.error().why);
            answer(fd, {2, R"({"error":"input","detail":"the request cannot be read"})"}, in(reply_time));
            return;
        }
        answer(fd, service_.handle(*caller, request->verb, request->parameters), in(reply_time));
    }

    std::string path_;
    Descriptor listener_, wake_;
    RecordService& service_;
    ino_t inode_ = 0;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;           // workers_
    std::list<Worker> workers_;  // a list: a worker's address must not move
    std::thread accepting_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& socket_path,
                                                            RecordService& service)
{
    TRY(auto listener, listen_on(socket_path));
    Descriptor wake(::eventfd(0, EFD_CLOEXEC));
    if (wake.get() < 0) return fail(temporary("eventfd: " + error_text()));
    return std::make_unique<Server>(socket_path, std::move(listener), std::move(wake), service);
}

Result<Reply> ask_daemon(const std::string& socket_path, std::string_view verb, std::string_view parameters,
                         milliseconds timeout)
{
    auto deadline = in(timeout);
    TRY(auto fd, connect_to(socket_path));
    auto request = encode_request({std::string(verb), std::string(parameters)});
    // A daemon with too many askers answers and closes before it has read: the answer is there all the same.
    const auto asked = write_frame(fd.get(), request, request_frame_max, deadline);
    auto payload = read_frame(fd.get(), reply_frame_max, deadline);
    if (!payload) return fail(asked ? payload.error() : asked.error());
    return decode_reply(*payload);
}

bool daemon_runs(const std::string& socket_path)
{
    return connect_to(socket_path).has_value();
}

}  // namespace direct
