#include "tests/support/ldap_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>

namespace direct::test {
namespace {

std::string number(int n)
{
    return ber(0x02, {char(n >> 8), char(n)});
}

/// The next element of `bytes`, taken off it; nothing when it is not whole.
std::optional<std::pair<int, std::string>> element(std::string& bytes)
{
    if (bytes.size() < 2) return {};
    std::size_t at = 2, length = static_cast<unsigned char>(bytes[1]);
    if (length & 0x80) {
        const std::size_t octets = length & 0x7f;
        if (bytes.size() < at + octets) return {};
        length = 0;
        for (std::size_t i = 0; i < octets; ++i)
            length = length << 8 | static_cast<unsigned char>(bytes[at++]);
    }
    if (bytes.size() - at < length) return {};
    std::pair out(static_cast<unsigned char>(bytes[0]), bytes.substr(at, length));
    bytes.erase(0, at + length);
    return out;
}

}  // namespace

std::string ber(int tag, const std::string& content)
{
    std::string head(1, char(tag));
    const std::size_t n = content.size();
    if (n < 0x80) return head + char(n) + content;
    return head + '\x84' + char(n >> 24) + char(n >> 16) + char(n >> 8) + char(n) + content;
}

std::string LdapServer::result(int operation, int code)
{
    const int tag = operation == search ? 0x65 : operation + 1;
    return ber(tag, ber(0x0a, std::string(1, char(code))) + ber(0x04, "") + ber(0x04, ""));
}

std::string LdapServer::found(const std::string& dn,
                              const std::vector<std::pair<std::string, std::string>>& values)
{
    std::string attributes;
    for (std::size_t i = 0; i < values.size();) {
        std::string same;  // values of one attribute that follow each other
        const auto& name = values[i].first;
        for (; i < values.size() && values[i].first == name; ++i) same += ber(0x04, values[i].second);
        attributes += ber(0x30, ber(0x04, name) + ber(0x31, same));
    }
    return ber(0x64, ber(0x04, dn) + ber(0x30, attributes));
}

LdapServer::LdapServer()
{
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    auto* any = reinterpret_cast<sockaddr*>(&a);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, any, &size) != 0)
        throw std::runtime_error("ldap server: no port");
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
}

LdapServer::~LdapServer()
{
    {
        std::lock_guard guard(lock_);
        stopping_ = true;
        for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    ending_.notify_all();
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& talk : talks_) talk.join();
    ::close(listener_);
}

void LdapServer::on(int operation, Handler handler)
{
    std::lock_guard guard(lock_);
    handlers_[operation] = std::move(handler);
}

void LdapServer::root(std::vector<std::pair<std::string, std::string>> values)
{
    std::lock_guard guard(lock_);
    root_ = std::move(values);
}

void LdapServer::entry(const std::string& mail, std::vector<std::pair<std::string, std::string>> values)
{
    std::lock_guard guard(lock_);
    entries_[mail] = std::move(values);
}

std::vector<LdapServer::Request> LdapServer::requests() const
{
    std::lock_guard guard(lock_);
    return requests_;
}

std::size_t LdapServer::connections() const
{
    std::lock_guard guard(lock_);
    return connections_;
}

void LdapServer::run()
{
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        std::lock_guard guard(lock_);
        if (fd < 0 || stopping_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        ++connections_;
        open_.push_back(fd);
        talks_.emplace_back([this, fd] { talk(fd); });
    }
}

LdapServer::Reply LdapServer::answer(const Request& request)
{
    std::lock_guard guard(lock_);
    requests_.push_back(request);
    if (auto it = handlers_.find(request.operation); it != handlers_.end()) return it->second(request);
    if (request.operation == unbind) return {.close = true};
    if (request.operation == extended) return {.operations = {result(extended, 2)}};  // it knows no StartTLS
    if (request.operation != search) return {.operations = {result(request.operation, 0)}};
    if (request.holds("namingContexts")) return {.operations = {found("", root_), result(search, 0)}};
    for (const auto& [mail, values] : entries_)
        if (request.holds(ber(0x04, mail)))
            return {.operations = {found("mail=x,dc=example", values), result(search, 0)}};
    return {.operations = {result(search, 0)}};
}

bool LdapServer::send(int fd, const Request& request, const Reply& reply)
{
    std::string bytes;
    for (const auto& operation : reply.operations) bytes += ber(0x30, number(request.id) + operation);
    bytes += reply.raw;
    const std::size_t step = reply.drip ? 1 : bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (::send(fd, bytes.data() + at, std::min(step, bytes.size() - at), MSG_NOSIGNAL) < 0) return false;
        if (!reply.drip) continue;
        std::unique_lock guard(lock_);
        if (ending_.wait_for(guard, std::chrono::milliseconds(10), [this] { return stopping_; }))
            return false;
    }
    return !reply.close;
}

void LdapServer::talk(int fd)
{
    std::string bytes;
    char buffer[4096];
    bool going = true;
    while (going) {
        const auto got = ::recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        bytes.append(buffer, std::size_t(got));
        while (auto message = element(bytes)) {
            Request request;
            auto id = element(message->second), operation = element(message->second);
            if (!id || !operation) break;
            for (char c : id->second) request.id = request.id << 8 | static_cast<unsigned char>(c);
            request.operation = operation->first;
            request.content = operation->second;
            const Reply reply = answer(request);
            going = send(fd, request, reply) && going;
            if (reply.hang) {
                std::unique_lock guard(lock_);
                ending_.wait(guard, [this] { return stopping_; });
            }
            if (!going) break;
        }
    }
    std::lock_guard guard(lock_);
    open_.erase(std::find(open_.begin(), open_.end(), fd));
    ::close(fd);
}

}  // namespace direct::test
