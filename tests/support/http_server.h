// http_server.h - an HTTP(S) server for tests, on 127.0.0.1 and a free port, in threads of its own. It answers as it
// was told and keeps what it was asked. Every answer closes its connection.
#pragma once
#include <openssl/ssl.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "milter/base/handle.h"
#include "tests/support/test_pki.h"

namespace direct::test {

class HttpServer {
public:
    struct Request {
        std::string method, path, head, body;
        /// Value of a header field, or "".
        std::string field(const std::string& name) const;
    };
    struct Reply {
        std::string bytes;  ///< status line, header and body as they go out
        bool hang = false;  ///< keeps the connection open afterwards, until the server ends
    };
    using Handler = std::function<Reply(const Request&)>;

    /// @param own  certificate and key of an https server; nullptr: http
    explicit HttpServer(const Issued* own = nullptr);
    ~HttpServer();
    void on(const std::string& path, Handler handler);
    /// A 200 with this body, always; more fields: lines with CRLF.
    void serve(const std::string& path, std::string body, const std::string& more_fields = "");
    int port() const { return port_; }
    std::string url(const std::string& path = "/") const;
    std::vector<Request> requests() const;
    std::size_t asked(const std::string& path) const;

private:
    struct Line;
    void run();
    void talk(int fd);
    Reply answer(const Request& request);

    Handle<SSL_CTX, &SSL_CTX_free> tls_;
    int listener_ = -1, port_ = 0;
    mutable std::mutex lock_;
    std::condition_variable ending_;
    bool stopping_ = false;
    std::map<std::string, Handler> handlers_;
    std::vector<Request> requests_;
    std::vector<std::thread> talks_;
    std::thread thread_;
};

/// "HTTP/1.1 <status>", the fields (lines with CRLF), Content-Length and the body.
std::string http_answer(const std::string& status, const std::string& body, const std::string& fields = "");

}  // namespace direct::test
