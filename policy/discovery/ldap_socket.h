// ldap_socket.h - the bytes between libldap and a server: a deadline and a limit on every one of them.
//
// libldap's own waiting ends where a reply has begun: a server that sends half of one would hold it for ever.
// So this layer stands in place of libldap's own. Only for ldap_client.cpp.
#pragma once
#include <lber.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

class LdapSocket {
public:
    using Moment = std::chrono::steady_clock::time_point;

    LdapSocket(Moment deadline, std::size_t bytes_max) : deadline_(deadline), left_(bytes_max) {}
    ~LdapSocket();
    LdapSocket(const LdapSocket&) = delete;
    LdapSocket& operator=(const LdapSocket&) = delete;

    /// Fault: temporary, or configuration when it is our own host's; without the address: the caller knows it.
    Status connect(const sockaddr* to, socklen_t size, milliseconds patience);
    int fd() const { return fd_; }
    Moment deadline() const { return deadline_; }
    void set_deadline(Moment deadline) { deadline_ = deadline; }
    milliseconds time_left() const;  ///< 0 when it is over
    /// Puts this layer below `buffer`, which borrows it from then on.
    bool attach(Sockbuf* buffer);
    /// Why reading or writing has failed, or "".
    const std::string& why() const { return why_; }

private:
    static int set_up(Sockbuf_IO_Desc* layer, void* socket);
    static int control(Sockbuf_IO_Desc* layer, int option, void* argument);
    static ber_slen_t read(Sockbuf_IO_Desc* layer, void* to, ber_len_t size);
    static ber_slen_t write(Sockbuf_IO_Desc* layer, void* from, ber_len_t size);
    bool wait(short events, Moment until);
    ber_slen_t broken(const std::string& why);

    int fd_ = -1;
    Moment deadline_;
    std::size_t left_;
    std::string why_;
};

}  // namespace direct
