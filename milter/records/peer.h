// peer.h - who a process or the other end of a Unix socket is, and what that entitles to. Thread safe.
#pragma once
#include <string>

#include "milter/base/result.h"
#include "milter/records/service.h"

namespace direct {

inline constexpr const char* service_user = "direct";  ///< user and group the daemon runs as

/// "uid 0 (root)", "uid 4711" when nobody has it.
std::string name_of_uid(unsigned uid);

/// This process as a caller: admin, because it has opened the store itself.
Caller this_process();

/// The other end of a connected Unix socket. Root and this process's own user are admins. Members of this
/// process's group, and of group `direct`, may read. Everybody else: Fault policy.
Result<Caller> caller_of(int connected_socket);

}  // namespace direct
