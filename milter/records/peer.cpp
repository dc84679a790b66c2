// peer.cpp - peer credentials of Unix sockets (SO_PEERCRED, SO_PEERGROUPS): the kernel's word, not the peer's.
#include "milter/records/peer.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace direct {
namespace {

/// Supplementary groups at the time of connect(); empty where the kernel does not tell.
std::vector<gid_t> groups_of(int fd)
{
    std::vector<gid_t> groups(64);
    for (;;) {
        socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
            groups.resize(size / sizeof(gid_t));
            return groups;
        }
        if (errno != ERANGE || groups.size() > 65536) return {};
        groups.resize(groups.size() * 4);
    }
}

std::optional<gid_t> service_group()
{
    char buffer[16384];
    group entry{}, *found = nullptr;
    if (getgrnam_r(service_user, &entry, buffer, sizeof buffer, &found) != 0 || !found) return std::nullopt;
    return entry.gr_gid;
}

}  // namespace

std::string name_of_uid(unsigned uid)
{
    char buffer[16384];
    passwd entry{}, *found = nullptr;
    std::string name = "uid " + std::to_string(uid);
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
        name += " (" + std::string(entry.pw_name) + ")";
    return name;
}

Caller this_process()
{
    // The real user: directctl may have become `direct` since.
    return {getuid(), getgid(), name_of_uid(getuid()), true};
}

Result<Caller> caller_of(int connected_socket)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(connected_socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof peer)
        return fail(refuse(Reason::policy, "the peer's credentials cannot be had"));
    Caller caller{peer.uid, peer.gid, name_of_uid(peer.uid), peer.uid == 0 || peer.uid == geteuid()};
    if (caller.admin) return caller;
    auto groups = groups_of(connected_socket);
    groups.push_back(peer.gid);
    auto member = [&](gid_t wanted) {
        return std::find(groups.begin(), groups.end(), wanted) != groups.end();
    };
    auto ours = service_group();
    // The daemon's group counts only when it is not root's: group 0 holds people who are not admins.
    if ((getegid() != 0 && member(getegid())) || (ours && member(*ours))) return caller;
    return fail(refuse(Reason::policy, caller.name + " is neither root nor in group " + service_user));
}

}  // namespace direct
