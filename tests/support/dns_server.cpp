#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "milter/base/text.h"
#include "policy/discovery/dns_client.h"

namespace direct::test {
namespace {

constexpr int type_cname = 5, type_soa = 6, rcode_nxdomain = 3;

std::string u16(unsigned n)
{
    return {static_cast<char>(n >> 8), static_cast<char>(n)};
}

std::string u32(std::uint32_t n)
{
    return u16(n >> 16) + u16(n & 0xffff);
}

std::string record(const std::string& owner, int type, std::uint32_t ttl, const std::string& rdata)
{
    return wire_name(owner) + u16(unsigned(type)) + u16(1) + u32(ttl) + u16(unsigned(rdata.size())) + rdata;
}

int bound(int type, int port)
{
    int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) return fd;
    ::close(fd);
    return -1;
}

int port_of(int fd)
{
    sockaddr_in a{};
    socklen_t size = sizeof a;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size);
    return ntohs(a.sin_port);
}

bool read_exactly(int fd, std::string& to, std::size_t n)
{
    to.resize(n);
    return n == 0 || ::recv(fd, to.data(), n, MSG_WAITALL) == static_cast<ssize_t>(n);
}

}  // namespace

std::string wire_name(const std::string& name)
{
    std::string out, label;
    auto end_label = [&] {
        out += static_cast<char>(label.size());
        out += label;
        label.clear();
    };
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '.') {
            end_label();
        } else if (name[i] == '\\' && i + 3 < name.size() && name[i + 1] >= '0' && name[i + 1] <= '9') {
            label += static_cast<char>(std::stoi(name.substr(i + 1, 3)));
            i += 3;
        } else {
            label += name[i] == '\\' ? name[++i] : name[i];
        }
    }
    if (!label.empty()) end_label();
    return out + '\0';
}

DnsServer::DnsServer()
{
    for (int tries = 0; tries < 20 && udp_ < 0; ++tries) {
        tcp_ = bound(SOCK_STREAM, 0);
        port_ = port_of(tcp_);
        udp_ = bound(SOCK_DGRAM, port_);
        if (udp_ < 0) ::close(tcp_);
    }
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    if (udp_ < 0 || wake_ < 0 || ::listen(tcp_, 64) != 0) throw std::runtime_error("no listening socket");
    thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer()
{
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_, &one, sizeof one));
    thread_.join();
    for (int fd : {udp_, tcp_, wake_}) ::close(fd);
}

void DnsServer::on(const std::string& name, int type, Reply reply)
{
    std::lock_guard hold(lock_);
    replies_[{name, type}] = std::move(reply);
}

std::string DnsServer::server() const
{
    return "127.0.0.1@" + std::to_string(port_);
}

std::vector<DnsServer::Question> DnsServer::questions() const
{
    std::lock_guard hold(lock_);
    return questions_;
}

std::size_t DnsServer::asked(const std::string& name, int type) const
{
    auto all = questions();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const Question& q) { return q.name == name && q.type == type; }));
}

void DnsServer::delay(std::chrono::milliseconds time)
{
    std::lock_guard hold(lock_);
    delay_ = time;
}

void DnsServer::run()
{
    using Clock = std::chrono::steady_clock;
    struct Late {
        Clock::time_point at;
        sockaddr_in to;
        std::string answer;
    };
    std::vector<Late> late;
    for (;;) {
        pollfd waits[] = {{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}, {wake_, POLLIN, 0}};
        if (::poll(waits, 3, late.empty() ? -1 : 5) < 0) continue;
        if (waits[2].revents) return;
        if (waits[0].revents) {
            std::string query(4096, '\0');
            sockaddr_in from{};
            socklen_t size = sizeof from;
            auto n =
                ::recvfrom(udp_, query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (n <= 0) continue;
            query.resize(static_cast<std::size_t>(n));
            auto out = answer(query, false);
            std::lock_guard hold(lock_);
            if (!out.empty()) late.push_back({Clock::now() + delay_, from, std::move(out)});
        }
        std::erase_if(late, [&](const Late& one) {
            if (one.at > Clock::now()) return false;
            ::sendto(udp_, one.answer.data(), one.answer.size(), 0,
                     reinterpret_cast<const sockaddr*>(&one.to), sizeof one.to);
            return true;
        });
        if (waits[1].revents) {
            int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            talk(fd);
            ::close(fd);
        }
    }
}

void DnsServer::talk(int fd)
{
    const timeval patience{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string size, query;
    if (!read_exactly(fd, size, 2)) return;
    const auto n =
        static_cast<unsigned char>(size[0]) * std::size_t{256} + static_cast<unsigned char>(size[1]);
    if (!read_exactly(fd, query, n)) return;
    auto out = answer(query, true);
    if (out.empty()) return;
    out = u16(unsigned(out.size())) + out;
    ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
}

std::string DnsServer::answer(const std::string& query, bool tcp)
{
    std::size_t at = 12;
    std::string name;
    while (at < query.size() && query[at] != '\0') {
        const auto length = static_cast<unsigned char>(query[at]);
        name += (name.empty() ? "" : ".") + dns_label(ascii_lower(query.substr(at + 1, length)));
        at += 1 + length;
    }
    if (at + 5 > query.size()) return {};
    const int type =
        static_cast<unsigned char>(query[at + 1]) * 256 + static_cast<unsigned char>(query[at + 2]);
    const std::string question = query.substr(12, at + 5 - 12);
    std::lock_guard hold(lock_);
    // An OPT record at once after the question: the root, type 41, then the size.
    const std::string_view more = std::string_view(query).substr(at + 5);
    unsigned udp_size = 0;
    if (more.size() >= 5 && more.starts_with(std::string_view("\0\0\x29", 3)))
        udp_size = static_cast<unsigned char>(more[3]) * 256u + static_cast<unsigned char>(more[4]);
    questions_.push_back({name, type, tcp, udp_size});
    auto it = replies_.find({name, type});
    Reply reply;
    if (it != replies_.end())
        reply = it->second;
    else
        reply.rcode = rcode_nxdomain;
    if (reply.silent) return {};
    const bool cut = reply.truncate && !tcp;
    std::string answers;
    unsigned count = 0;
    auto owner = name;
    if (!reply.alias.empty() && !cut) {
        answers += record(name, type_cname, reply.ttl, wire_name(reply.alias));
        owner = reply.alias;
        ++count;
    }
    for (const auto& rdata : reply.records) {
        if (cut) break;
        answers += record(owner, type, reply.ttl, rdata);
        ++count;
    }
    const bool negative = count == 0 && !cut && (reply.rcode == 0 || reply.rcode == rcode_nxdomain);
    std::string authority;
    if (negative)
        authority = record("example", type_soa, 3600,
                           wire_name("ns.example") + wire_name("root.example") + u32(1) + u32(3600) +
                               u32(3600) + u32(3600) + u32(3600));
    // QR, AA, RA; TC when cut; RD as asked.
    const unsigned flags = 0x8480u | (cut ? 0x0200u : 0u) | unsigned(reply.rcode) |
                           (static_cast<unsigned char>(query[2]) & 1u) << 8;
    return query.substr(0, 2) + u16(flags) + u16(1) + u16(count) + u16(negative ? 1 : 0) + u16(0) + question +
           answers + authority;
}

}  // namespace direct::test
