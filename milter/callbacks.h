// callbacks.h - the C functions libmilter calls. One guard each: exceptions end there, and whatever went
// wrong the sender keeps the mail.
#pragma once
#include "milter/base/result.h"

namespace direct {

struct House;

/// Registers the filter for this house and opens its socket. Fault: configuration.
/// @param socket  Postfix's spelling: unix:/path or inet:host:port
Status register_filter(House& house, const std::string& socket);
/// Serves until SIGTERM, SIGINT or SIGHUP. False: libmilter reported a failure.
bool serve();

}  // namespace direct
