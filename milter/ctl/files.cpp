#include "milter/ctl/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

Fault trouble(const std::string& path)
{
    return misconfigured(path + ": " + std::generic_category().message(errno));
}

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

Result<bool> make_folder(const std::string& path, unsigned mode)
{
    std::error_code error;
    auto parent = fs::path(path).parent_path();
    if (!parent.empty() && !fs::exists(parent, error)) {
        TRY(bool ignored, make_folder(parent, 0755));
        static_cast<void>(ignored);
    }
    if (::mkdir(path.c_str(), 0700) == 0) {
        // The caller's umask is no part of the promise.
        if (::chmod(path.c_str(), mode) != 0) return fail(trouble(path));
        return true;
    }
    if (errno != EEXIST || !fs::is_directory(path, error)) return fail(trouble(path));
    return false;
}

Status write_new_file(const std::string& path, std::string_view bytes, unsigned mode)
{
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(trouble(path));
    bool good = write_all(fd, bytes) && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
    auto fault = good ? Fault{} : trouble(path);
    good = ::close(fd) == 0 && good;
    if (good) return Done{};
    ::unlink(path.c_str());
    return fail(fault.why.empty() ? trouble(path) : fault);
}

Status same_owner(const std::string& path, const std::string& pattern)
{
    struct stat s {};
    if (geteuid() != 0) return Done{};
    if (::stat(pattern.c_str(), &s) != 0) return fail(trouble(pattern));
    if (::lchown(path.c_str(), s.st_uid, s.st_gid) != 0) return fail(trouble(path));
    return Done{};
}

Result<std::string> KeyFolder::add(const std::string& name, const std::string& file, std::string_view bytes,
                                   unsigned mode)
{
    // A local part may hold a slash; as a folder's name it would lead elsewhere.
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
        return fail(refuse(Reason::input, name + " cannot be the name of a folder"));
    auto sub = folder_ + "/" + name;
    TRY(bool made, make_folder(sub, 0700));
    if (made) CHECK(same_owner(sub, folder_));
    auto path = sub + "/" + file;
    CHECK(write_new_file(path, bytes, mode));
    CHECK(same_owner(path, folder_));
    return path;
}

Result<std::string> read_standard_input(std::size_t max)
{
    std::string text;
    char buffer[65536];
    for (;;) {
        const auto n = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(trouble("standard input"));
        if (n == 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > max) return fail(refuse(Reason::input, "standard input is too long"));
    }
    return text;
}

}  // namespace direct::ctl
