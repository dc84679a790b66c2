// server.h - the control socket: frames of protocol.h, one request per connection, peer credentials
// checked, bounded sizes and times. The thread ends with the object.
#pragma once
#include <memory>
#include <string>

#include "milter/records/service.h"

namespace direct {

class ControlServer {
public:
    /// Makes the socket (mode 0660; group `direct` when it exists) and starts serving. An old socket
    /// nobody answers on is replaced; one that answers is a Fault (configuration: already running).
    static Result<std::unique_ptr<ControlServer>> start(const std::string& socket_path,
                                                        RecordService& service);
    virtual ~ControlServer() = default;
};

/// Asks a running daemon. Fault: temporary "not running" when nobody answers on the socket.
Result<Reply> ask_daemon(const std::string& socket_path, std::string_view verb, std::string_view parameters,
                         milliseconds timeout = milliseconds(30000));
bool daemon_runs(const std::string& socket_path);

}  // namespace direct
