#include "milter/notify/smtp_dialogue.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "milter/base/child.h"
#include "milter/base/crypto.h"
#include "milter/base/handle.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using Addresses = Handle<addrinfo, &freeaddrinfo>;

constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t answer_max = 300;
constexpr std::size_t line_max = 4096;        // RFC 5321 4.5.3.1.5 says 512; some say more
constexpr std::size_t reply_lines_max = 200;  // no listener offers more extensions than that
constexpr milliseconds goodbye = seconds(1);

SteadyTime in(milliseconds timeout)
{
    return std::chrono::steady_clock::now() + timeout;
}

Status wait_for(int fd, short what, SteadyTime deadline)
{
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return fail(temporary("the listener does not answer in time"));
        pollfd p{fd, what, 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 3600 * 1000)));
        if (n > 0) return Done{};
        if (n < 0 && errno != EINTR) return fail(temporary(std::string("poll: ") + std::strerror(errno)));
    }
}

Result<Addresses> resolve(const std::string& where)
{
    const auto colon = where.rfind(':');
    if (colon == std::string::npos) return fail(temporary("\"" + where + "\" is not host:port"));
    auto host = where.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    const int error = getaddrinfo(host.c_str(), where.substr(colon + 1).c_str(), &hints, &found);
    if (error != 0) return fail(temporary(where + ": " + gai_strerror(error)));
    return Addresses(found);
}

// Connected, or the errno that tells why not.
int finish_connect(int fd, const addrinfo& address, SteadyTime deadline)
{
    if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!wait_for(fd, POLLOUT, deadline)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// What is written is whole: holding back its end until the part before is acknowledged gains nothing.
void send_at_once(int fd)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// The code a line of a reply begins with; 0: none, or one no server sends.
int code_of(std::string_view line)
{
    if (line.size() < 3 || (line.size() > 3 && line[3] != '-' && line[3] != ' ')) return 0;
    int code = 0;
    for (const char c : line.substr(0, 3)) {
        if (c < '0' || c > '9') return 0;
        code = code * 10 + (c - '0');
    }
    return code >= 200 && code <= 599 ? code : 0;
}

}  // namespace

std::string SmtpReply::text() const
{
    std::string words;
    for (const auto& line : lines) words += (words.empty() || line.empty() ? "" : " ") + line;
    std::string out = std::to_string(code);
    if (!words.empty()) out += ' ';
    for (const char c : std::string_view(words).substr(0, answer_max))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    return out;
}

void Interrupt::raise()
{
    std::lock_guard hold(lock_);
    raised_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

bool Interrupt::watch(int fd)
{
    std::lock_guard hold(lock_);
    if (!raised_) open_.insert(fd);
    return !raised_;
}

void Interrupt::forget(int fd)
{
    std::lock_guard hold(lock_);
    open_.erase(fd);
}

SmtpDialogue::~SmtpDialogue()
{
    close();
}

void SmtpDialogue::close()
{
    if (fd_ < 0) return;
    if (interrupt_) interrupt_->forget(fd_);  // before the number can mean another file
    ::close(fd_);
    fd_ = -1;
}

Status SmtpDialogue::connect(const std::string& where)
{
    TRY(const auto addresses, resolve(where));
    const auto deadline = in(timeout_);
    int error = EADDRNOTAVAIL;
    for (const auto* a = addresses.get(); a; a = a->ai_next) {
        fd_ = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        if (fd_ < 0) {
            error = errno;
            continue;
        }
        if (interrupt_ && !interrupt_->watch(fd_))
            error = ECANCELED;
        else
            error = finish_connect(fd_, *a, deadline);
        if (error == 0) {
            send_at_once(fd_);
            return Done{};
        }
        close();
    }
    return fail(temporary(where + ": " + std::strerror(error)));
}

Result<std::string> SmtpDialogue::line(milliseconds timeout)
{
    const auto deadline = in(timeout);
    for (;;) {
        if (const auto end = waiting_.find('\n'); end != std::string::npos) {
            std::string out = waiting_.substr(0, end > 0 && waiting_[end - 1] == '\r' ? end - 1 : end);
            waiting_.erase(0, end + 1);
            return out;
        }
        if (waiting_.size() > line_max) return fail(temporary("the listener's reply has no end"));
        CHECK(wait_for(fd_, POLLIN, deadline));
        char bytes[4096];
        const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return fail(temporary("the listener closed the connection"));
        waiting_.append(bytes, static_cast<std::size_t>(n));
    }
}

Result<SmtpReply> SmtpDialogue::reply(milliseconds at_least)
{
    SmtpReply out;
    while (out.lines.size() < reply_lines_max) {
        TRY(const std::string text, line(std::max(timeout_, at_least)));
        const int code = code_of(text);
        if (code == 0) return fail(temporary("the listener's reply is not SMTP"));
        const bool more = text.size() > 3 && text[3] == '-';
        out.code = code;
        out.lines.push_back(text.size() > 4 ? text.substr(4) : "");
        if (more) continue;
        return out;
    }
    return fail(temporary("the listener's reply has no end"));
}

Result<SmtpReply> SmtpDialogue::command(const std::string& line)
{
    CHECK(write_fully(fd_, line + "\r\n", in(timeout_)));
    return reply();
}

Status SmtpDialogue::content(std::string_view canonical)
{
    std::string block;
    block.reserve(2 * block_size + 8);  // never moved while it is filled, so no copy stays behind
    Status done = Done{};
    bool at_begin = true, ended = false;
    while (!ended && done) {
        const auto piece = canonical.substr(0, block_size);
        canonical.remove_prefix(piece.size());
        for (const char c : piece) {
            if (at_begin && c == '.') block += '.';
            block += c;
            at_begin = c == '\n';
        }
        // In one write with the last of the content: a dot that goes alone waits for the acknowledgement of what went
        // before, and that is put off for 40 ms.
        ended = canonical.empty();
        if (ended) block += at_begin ? ".\r\n" : "\r\n.\r\n";
        done = write_fully(fd_, block, in(timeout_));
        cleanse(block.data(), block.size());
        block.clear();
    }
    return done;
}

void SmtpDialogue::quit()
{
    timeout_ = std::min(timeout_, goodbye);
    static_cast<void>(command("QUIT"));
}

}  // namespace direct
