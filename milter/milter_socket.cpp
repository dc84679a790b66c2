#include "milter/milter_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

namespace direct {
namespace {

int option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

Result<std::string> libmilter_socket(const std::string& spelling)
{
    if (spelling.starts_with("unix:/")) return spelling;
    if (spelling.starts_with("inet:")) {
        auto rest = spelling.substr(5);
        auto colon = rest.rfind(':');
        if (colon != std::string::npos && colon > 0 && colon + 1 < rest.size())
            return "inet:" + rest.substr(colon + 1) + "@" + rest.substr(0, colon);
    }
    return fail(
        misconfigured("milter.socket: \"" + spelling + "\" is neither unix:/path nor inet:host:port"));
}

void listeners_send_at_once()
{
    std::error_code gone;  // without /proc it is slow, no more
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", gone)) {
        const int fd = std::atoi(entry.path().filename().c_str());
        const int domain = option(fd, SO_DOMAIN), on = 1;
        if (option(fd, SO_ACCEPTCONN) == 1 && (domain == AF_INET || domain == AF_INET6))
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

}  // namespace direct
