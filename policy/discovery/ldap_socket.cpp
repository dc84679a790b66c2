// ldap_socket.cpp - see ldap_socket.h.
#include "policy/discovery/ldap_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace direct {

LdapSocket::~LdapSocket()
{
    if (fd_ >= 0) ::close(fd_);
}

milliseconds LdapSocket::time_left() const
{
    auto left = std::chrono::ceil<milliseconds>(deadline_ - std::chrono::steady_clock::now());
    return std::max(left, milliseconds(0));
}

bool LdapSocket::wait(short events, Moment until)
{
    for (;;) {
        auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        pollfd one{fd_, events, 0};
        int ready = ::poll(&one, 1, int(std::min<std::int64_t>(left, 60000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

/// Nothing of what the other side does leads to it: this host lacks descriptors, memory, or every way out. That it
/// has no IPv6 is usual, and no fault.
static bool is_of_our_host(int error, int family)
{
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case EADDRNOTAVAIL:
            return true;
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTUNREACH:
            return family == AF_INET;
        default:
            return false;
    }
}

Status LdapSocket::connect(const sockaddr* to, socklen_t size, milliseconds patience)
{
    if (fd_ >= 0) ::close(fd_);
    fd_ = ::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) {
        const std::string why = std::string("no socket: ") + std::strerror(errno);
        return fail(is_of_our_host(errno, to->sa_family) ? misconfigured(why) : temporary(why));
    }
    int error = ::connect(fd_, to, size) == 0 ? 0 : errno;
    // Only what is said at once is said by this host: later a router may have said it.
    const bool ours = is_of_our_host(error, to->sa_family);
    if (error == EINPROGRESS) {
        error = 0;
        if (!wait(POLLOUT, std::min(deadline_, std::chrono::steady_clock::now() + patience))) {
            error = errno;
        } else {
            socklen_t length = sizeof error;
            ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
        }
    }
    if (error == 0) return Done{};
    const std::string why = std::string("cannot connect: ") + std::strerror(error);
    return fail(ours ? misconfigured(why) : temporary(why));
}

bool LdapSocket::attach(Sockbuf* buffer)
{
    // Closing is ours: the descriptor lives as long as this object.
    static Sockbuf_IO layer{set_up, nullptr, control, read, write, nullptr};
    return ber_sockbuf_add_io(buffer, &layer, LBER_SBIOD_LEVEL_PROVIDER, this) == 0;
}

int LdapSocket::set_up(Sockbuf_IO_Desc* layer, void* socket)
{
    layer->sbiod_pvt = socket;
    return 0;
}

int LdapSocket::control(Sockbuf_IO_Desc*, int, void*)
{
    return 0;  // what is asked here is whether bytes lie ready in this layer: it keeps none
}

ber_slen_t LdapSocket::broken(const std::string& why)
{
    if (why_.empty()) why_ = why;
    errno = EPIPE;  // not one that libldap would try again
    return -1;
}

ber_slen_t LdapSocket::read(Sockbuf_IO_Desc* layer, void* to, ber_len_t size)
{
    auto& self = *static_cast<LdapSocket*>(layer->sbiod_pvt);
    if (self.left_ == 0) return self.broken("it sends too much");
    for (;;) {
        auto got = ::recv(self.fd_, to, std::min<std::size_t>(size, self.left_), MSG_DONTWAIT);
        if (got > 0) self.left_ -= std::size_t(got);
        if (got == 0) return self.broken("it has closed the connection"), 0;
        if (got > 0) return got;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return self.broken(std::strerror(errno));
        if (!self.wait(POLLIN, self.deadline_)) return self.broken("no answer in time");
    }
}

ber_slen_t LdapSocket::write(Sockbuf_IO_Desc* layer, void* from, ber_len_t size)
{
    auto& self = *static_cast<LdapSocket*>(layer->sbiod_pvt);
    for (;;) {
        auto put = ::send(self.fd_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put >= 0) return put;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return self.broken(std::strerror(errno));
        if (!self.wait(POLLOUT, self.deadline_)) return self.broken("it takes nothing in time");
    }
}

}  // namespace direct
