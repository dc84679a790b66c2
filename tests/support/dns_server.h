// dns_server.h - a name server for tests, on 127.0.0.1 and a free port (UDP and TCP), in a thread of its own. It
// answers as it was told and keeps what it was asked.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace direct::test {

class DnsServer {
public:
    struct Reply {
        int rcode = 0;
        std::vector<std::string> records;  ///< rdata of the type asked for
        std::string alias;                 ///< a CNAME to this name comes first; records stand there
        bool truncate = false;             ///< over UDP: TC and no record
        bool silent = false;               ///< no answer at all
        std::uint32_t ttl = 300;
    };
    struct Question {
        std::string name;  ///< lower case, labels in zone file form
        int type = 0;
        bool tcp = false;
        unsigned udp_size = 0;  ///< by EDNS0 (RFC 6891); 0: without
        friend bool operator==(const Question&, const Question&) = default;
    };

    DnsServer();
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;
    /// What is not told is NXDOMAIN. A negative answer carries a SOA of an hour.
    void on(const std::string& name, int type, Reply reply);
    /// Each answer over UDP from now on is sent so much later; others are not held up by it.
    void delay(std::chrono::milliseconds time);
    std::string server() const;  ///< as in discovery.dns_servers
    std::vector<Question> questions() const;
    std::size_t asked(const std::string& name, int type) const;

private:
    void run();
    void talk(int fd);
    /// Empty: stay silent.
    std::string answer(const std::string& query, bool tcp);

    int udp_ = -1, tcp_ = -1, wake_ = -1, port_ = 0;
    mutable std::mutex lock_;
    std::map<std::pair<std::string, int>, Reply> replies_;
    std::vector<Question> questions_;
    std::chrono::milliseconds delay_{0};
    std::thread thread_;
};

/// A name in wire form: "a\.b.example" has two labels and the root.
std::string wire_name(const std::string& name);

}  // namespace direct::test
