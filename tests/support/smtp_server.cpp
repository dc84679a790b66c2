#include "tests/support/smtp_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace direct::test {
namespace {

// Reads lines and pieces from a socket; false at its end.
class Reader {
public:
    explicit Reader(int fd) : fd_(fd) {}
    bool line(std::string& out)
    {
        std::size_t end;
        while ((end = buffer_.find('\n')) == std::string::npos)
            if (!fill()) return false;
        out = buffer_.substr(0, end);
        if (!out.empty() && out.back() == '\r') out.pop_back();
        buffer_.erase(0, end + 1);
        return true;
    }
    bool piece(std::size_t n, std::string& out)
    {
        while (buffer_.size() < n)
            if (!fill()) return false;
        out += buffer_.substr(0, n);
        buffer_.erase(0, n);
        return true;
    }

private:
    bool fill()
    {
        char block[65536];
        const auto n = ::recv(fd_, block, sizeof block, 0);
        if (n <= 0) return false;
        buffer_.append(block, static_cast<std::size_t>(n));
        return true;
    }
    int fd_;
    std::string buffer_;
};

bool say(int fd, const std::string& text)
{
    if (text.empty()) return false;
    const std::string line = text + "\r\n";
    return ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
}

std::string inside_brackets(const std::string& line)
{
    const auto a = line.find('<'), b = line.find('>');
    return a == std::string::npos || b == std::string::npos ? "" : line.substr(a + 1, b - a - 1);
}

bool read_dotted(Reader& in, std::string& out)
{
    for (std::string line; in.line(line);) {
        if (line == ".") return true;
        out += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
    }
    return false;
}

}  // namespace

SmtpServer::SmtpServer() : scripts_{Script{}}
{
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 ||
        ::listen(listener_, 8) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
        throw std::runtime_error("no listening socket");
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
}

SmtpServer::~SmtpServer()
{
    {
        std::lock_guard hold(lock_);
        stopping_ = true;
        if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

void SmtpServer::next(Script script)
{
    std::lock_guard hold(lock_);
    scripts_ = {std::move(script)};
}

std::vector<SmtpServer::Mail> SmtpServer::mails() const
{
    std::lock_guard hold(lock_);
    return mails_;
}

void SmtpServer::run()
{
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        Script script;
        {
            std::lock_guard hold(lock_);
            if (stopping_ || fd < 0) {
                if (fd >= 0) ::close(fd);
                return;
            }
            client_ = fd;
            script = scripts_.front();
        }
        ++connections_;
        serve(fd, script);
        std::lock_guard hold(lock_);
        client_ = -1;
        ::close(fd);
    }
}

void SmtpServer::serve(int fd, const Script& script)
{
    Reader in(fd);
    Mail mail;
    const auto finish = [&] {
        if (script.silent) {
            {
                std::lock_guard hold(lock_);
                mails_.push_back(mail);
            }
            for (std::string rest; in.line(rest);) {
            }
            return false;
        }
        const bool sent = say(fd, script.data);
        mail.answered = sent && script.data.starts_with("250");
        std::lock_guard hold(lock_);
        mails_.push_back(mail);
        return sent;
    };
    if (!say(fd, script.greeting)) return;
    for (std::string line; in.line(line);) {
        bool going = true;
        if (line.starts_with("EHLO")) {
            std::string answer = "250-test";
            for (const auto& e : script.extensions) answer += "\r\n250-" + e;
            going = say(fd, answer + "\r\n250 SIZE 100000000");
        } else if (line.starts_with("MAIL")) {
            mail = {};
            mail.from = line;
            going = say(fd, script.mail);
        } else if (line.starts_with("RCPT")) {
            const auto special = script.rcpt.find(inside_brackets(line));
            if (special == script.rcpt.end()) mail.rcpt.push_back(line);
            going = say(fd, special == script.rcpt.end() ? "250 2.1.5 ok" : special->second);
        } else if (line == "DATA") {
            if (mail.rcpt.empty()) {
                going = say(fd, "554 5.5.1 no valid recipients");
            } else {
                going =
                    say(fd, "354 go") && !script.close_in_data && read_dotted(in, mail.message) && finish();
            }
        } else if (line.starts_with("BDAT")) {
            const bool last = line.ends_with("LAST");
            going = in.piece(std::stoul(line.substr(5)), mail.message) &&
                    (last ? finish() : say(fd, script.chunk));
            if (script.close_in_data) going = false;
        } else if (line == "QUIT") {
            say(fd, "221 2.0.0 bye");
            going = false;
        } else {
            going = say(fd, "250 2.0.0 ok");
        }
        if (!going) return;
    }
}

}  // namespace direct::test
