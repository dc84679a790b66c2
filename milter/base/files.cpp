// files.cpp - whole files read and written. A reader finds the old or the new file, never a half one.
// Faults name the file and the errno text. Thread safe; two writers of one path: the last wins.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {
namespace {

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }
    // NFS and quotas report a failed write at close.
    bool close_now() { return ::close(std::exchange(fd_, -1)) == 0; }

private:
    int fd_;
};

std::string error_text(const std::string& path)
{
    return path + ": " + std::generic_category().message(errno);
}

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string directory_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> read_whole_file(const std::string& path, std::size_t max)
{
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return fail(misconfigured(error_text(path)));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fail(misconfigured(error_text(path)));
    if (S_ISDIR(info.st_mode)) return fail(misconfigured(path + ": is a directory"));
    std::string out;
    if (info.st_size > 0 && static_cast<std::uint64_t>(info.st_size) <= max)
        out.reserve(static_cast<std::size_t>(info.st_size));
    char buffer[16384];
    for (;;) {
        const auto n = ::read(file.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(misconfigured(error_text(path)));
        if (n == 0) break;
        if (static_cast<std::size_t>(n) > max - out.size()) {
            cleanse(buffer, sizeof buffer);
            return fail(misconfigured(path + ": larger than " + std::to_string(max) + " bytes"));
        }
        out.append(buffer, static_cast<std::size_t>(n));
    }
    cleanse(buffer, sizeof buffer);  // the file may be a private key
    return out;
}

Status write_file_durably(const std::string& path, std::string_view bytes, unsigned mode)
{
    const std::string aside = path + ".new-" + hex(random_bytes(6));
    Descriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600));
    if (file.get() < 0) return fail(temporary(error_text(aside)));
    // fchmod before the first byte: open() lets the umask take bits away.
    const bool written = ::fchmod(file.get(), mode & 07777) == 0 && write_all(file.get(), bytes) &&
                         ::fsync(file.get()) == 0 && file.close_now() &&
                         ::rename(aside.c_str(), path.c_str()) == 0;
    if (!written) {
        auto fault = temporary(error_text(path));
        ::unlink(aside.c_str());
        return fail(std::move(fault));
    }
    const std::string directory = directory_of(path);
    const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) return fail(temporary(error_text(directory)));
    return Done{};
}

}  // namespace direct
