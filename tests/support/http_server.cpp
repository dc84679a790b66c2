#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "milter/base/text.h"

namespace direct::test {

/// One connection, with or without TLS.
struct HttpServer::Line {
    int fd;
    Handle<SSL, &SSL_free> ssl;

    int read(char* to, int n)
    {
        return ssl ? SSL_read(ssl.get(), to, n) : int(::recv(fd, to, std::size_t(n), 0));
    }
    void write(std::string_view bytes)
    {
        while (!bytes.empty()) {
            const int n = ssl ? SSL_write(ssl.get(), bytes.data(), int(bytes.size()))
                              : int(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
            if (n <= 0) return;
            bytes.remove_prefix(std::size_t(n));
        }
    }
};

std::string HttpServer::Request::field(const std::string& name) const
{
    for (auto line : split(head, '\n')) {
        const auto colon = line.find(':');
        if (colon != line.npos && equal_ignoring_case(line.substr(0, colon), name))
            return std::string(trim(line.substr(colon + 1)));
    }
    return {};
}

std::string http_answer(const std::string& status, const std::string& body, const std::string& fields)
{
    return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

HttpServer::HttpServer(const Issued* own)
{
    if (own) {
        tls_.reset(SSL_CTX_new(TLS_server_method()));
        if (SSL_CTX_use_certificate(tls_.get(), own->certificate.x509()) != 1 ||
            SSL_CTX_use_PrivateKey(tls_.get(), own->key.get()) != 1)
            throw std::runtime_error("http server: " + ossl::take_errors());
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 ||
        ::listen(listener_, 64) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
        throw std::runtime_error("no listening socket");
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
}

HttpServer::~HttpServer()
{
    {
        std::lock_guard hold(lock_);
        stopping_ = true;
    }
    ending_.notify_all();
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& talk : talks_) talk.join();
    ::close(listener_);
}

void HttpServer::on(const std::string& path, Handler handler)
{
    std::lock_guard hold(lock_);
    handlers_[path] = std::move(handler);
}

void HttpServer::serve(const std::string& path, std::string body, const std::string& more_fields)
{
    on(path, [bytes = http_answer("200 OK", body, more_fields)](const Request&) { return Reply{bytes}; });
}

std::string HttpServer::url(const std::string& path) const
{
    return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + path;
}

std::vector<HttpServer::Request> HttpServer::requests() const
{
    std::lock_guard hold(lock_);
    return requests_;
}

std::size_t HttpServer::asked(const std::string& path) const
{
    std::lock_guard hold(lock_);
    std::size_t n = 0;
    for (const auto& r : requests_) n += r.path == path;
    return n;
}

void HttpServer::run()
{
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        talks_.emplace_back([this, fd] { talk(fd); });
    }
}

void HttpServer::talk(int fd)
{
    // OpenSSL writes without MSG_NOSIGNAL. In this thread only: the client must do without.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    const timeval patience{20, 0};  // a client that says nothing must not keep the test
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    {
        Line line{fd, {}};
        bool good = true;
        if (tls_) {
            line.ssl.reset(SSL_new(tls_.get()));
            SSL_set_fd(line.ssl.get(), fd);
            good = SSL_accept(line.ssl.get()) == 1;
        }
        std::string in;
        std::size_t head_end = std::string::npos, want = 0;
        Request request;
        while (good) {
            head_end = in.find("\r\n\r\n");
            if (head_end != in.npos) {
                request.head = in.substr(0, head_end);
                want = std::size_t(std::atoi(("0" + request.field("Content-Length")).c_str()));
                if (in.size() >= head_end + 4 + want) break;
            }
            char block[16384];
            const int n = line.read(block, sizeof block);
            if (n <= 0) good = false;
            if (n > 0) in.append(block, std::size_t(n));
        }
        if (good) {
            const std::string first = request.head.substr(0, request.head.find("\r\n"));
            const auto words = split(first, ' ');
            request.method = words[0];
            request.path = words.size() > 1 ? words[1] : "";
            request.body = in.substr(head_end + 4, want);
            const Reply reply = answer(request);
            line.write(reply.bytes);
            std::unique_lock hold(lock_);
            if (reply.hang) ending_.wait(hold, [this] { return stopping_; });
        }
        if (good && line.ssl) SSL_shutdown(line.ssl.get());
        ossl::take_errors();
    }
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
}

HttpServer::Reply HttpServer::answer(const Request& request)
{
    Handler handler;
    {
        std::lock_guard hold(lock_);
        requests_.push_back(request);
        auto it = handlers_.find(request.path);
        if (it != handlers_.end()) handler = it->second;
    }
    return handler ? handler(request) : Reply{http_answer("404 Not Found", "")};
}

}  // namespace direct::test
