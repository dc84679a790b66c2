// smtp_server.h - an SMTP server for tests, on 127.0.0.1 and a free port, in a thread of its own. It answers as
// it was told and keeps what it was given. One connection at a time.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace direct::test {

class SmtpServer {
public:
    /// How the next connections are answered; the last one stays. Empty text: the connection is closed there.
    struct Script {
        std::vector<std::string> extensions = {"PIPELINING", "DSN", "8BITMIME", "ENHANCEDSTATUSCODES"};
        std::string greeting = "220 test";
        std::string mail = "250 2.1.0 ok";
        std::map<std::string, std::string> rcpt;        ///< by address; others get 250
        std::string data = "250 2.0.0 queued as TEST";  ///< after the message
        std::string chunk = "250 2.0.0 piece taken";    ///< BDAT without LAST
        bool close_in_data = false;                     ///< after 354, or after the first piece
        bool silent = false;                            ///< the message is taken and never answered
    };
    struct Mail {
        std::string from;               ///< "MAIL" line
        std::vector<std::string> rcpt;  ///< "RCPT" lines that got 250
        std::string message;
        bool answered = false;  ///< 250 was sent for it
    };

    SmtpServer();
    ~SmtpServer();
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    void next(Script script);
    std::vector<Mail> mails() const;
    std::size_t connections() const { return connections_; }

private:
    void run();
    void serve(int fd, const Script& script);
    int listener_ = -1;
    int port_ = 0;
    std::atomic<std::size_t> connections_{0};
    mutable std::mutex lock_;
    std::vector<Script> scripts_;
    std::vector<Mail> mails_;
    int client_ = -1;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace direct::test
