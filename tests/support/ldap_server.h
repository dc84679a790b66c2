// ldap_server.h - an LDAP server for tests, on 127.0.0.1 and a free port, in threads of its own. It answers as it was
// told, also wrongly, slowly and without end, and keeps what it was asked. A real one is used end to end.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace direct::test {

/// Tag, length and content (BER, definite form).
std::string ber(int tag, const std::string& content);

class LdapServer {
public:
    enum Operation : int { bind = 0x60, search = 0x63, extended = 0x77, unbind = 0x42 };
    struct Request {
        int id = 0, operation = 0;
        std::string content;  ///< of the operation, BER
        bool holds(std::string_view text) const { return content.find(text) != content.npos; }
    };
    struct Reply {
        std::vector<std::string> operations;  ///< each is put into a message with the request's number
        std::string raw;                      ///< sent afterwards as it is
        bool hang = false;                    ///< says nothing more and keeps the connection
        bool close = false;
        bool drip = false;  ///< sends one byte every ten milliseconds
    };
    using Handler = std::function<Reply(const Request&)>;

    /// Binds anybody, knows no StartTLS; its root DSE names "dc=example"; searches bring nothing until told otherwise.
    LdapServer();
    ~LdapServer();
    LdapServer(const LdapServer&) = delete;
    LdapServer& operator=(const LdapServer&) = delete;
    void on(int operation, Handler handler);
    /// What the root DSE says, and what is found for a mail: {attribute, value}.
    void root(std::vector<std::pair<std::string, std::string>> values);
    void entry(const std::string& mail, std::vector<std::pair<std::string, std::string>> values);
    unsigned port() const { return port_; }
    std::vector<Request> requests() const;
    std::size_t connections() const;

    static std::string result(int operation, int code);  ///< bind, search or extended: its response
    static std::string found(const std::string& dn,
                             const std::vector<std::pair<std::string, std::string>>& values);

private:
    void run();
    void talk(int fd);
    Reply answer(const Request& request);
    bool send(int fd, const Request& request, const Reply& reply);

    int listener_ = -1;
    unsigned port_ = 0;
    mutable std::mutex lock_;
    std::condition_variable ending_;
    bool stopping_ = false;
    std::map<int, Handler> handlers_;
    std::vector<std::pair<std::string, std::string>> root_{{"namingContexts", "dc=example"}};
    std::map<std::string, std::vector<std::pair<std::string, std::string>>> entries_;
    std::vector<Request> requests_;
    std::vector<int> open_;
    std::size_t connections_ = 0;
    std::vector<std::thread> talks_;
    std::thread thread_;
};

}  // namespace direct::test
