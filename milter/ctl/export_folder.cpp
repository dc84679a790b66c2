#include "milter/ctl/export_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "milter/base/text.h"
#include "milter/ctl/files.h"

namespace direct::ctl {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t buffer_size = 256 * 1024;

Fault trouble(const std::string& path)
{
    return misconfigured(path + ": " + std::generic_category().message(errno));
}

bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/// Controls, blanks, marks of direction, private and special characters do not belong into a name.
bool is_letter_beyond_ascii(std::string_view s)
{
    if (s.size() < 2 || (s[0] == '\xc2')) return false;  // U+0080..U+00BF
    if (s.size() == 3 && (s.starts_with("\xe2\x80") || s.starts_with("\xe2\x81")))
        return false;                   // U+2000..U+207F
    return s.size() < 3 || s < "\xee";  // up to U+DFFF: no private use, no byte order mark, no planes beyond
}

}  // namespace

std::string safe_file_name(std::string_view given)
{
    given.remove_prefix(given.find_last_of("/\\") == std::string_view::npos ? 0
                                                                            : given.find_last_of("/\\") + 1);
    std::string out;
    for (std::size_t i = 0; i < given.size();) {
        const auto length = std::max<std::size_t>(1, utf8_sequence(given, i));
        const auto piece = given.substr(i, length);
        const bool kept =
            length == 1 ? is_plain(static_cast<unsigned char>(piece[0])) : is_letter_beyond_ascii(piece);
        if (kept)
            out += piece;
        else if (!out.ends_with('_'))
            out += '_';
        i += length;
    }
    out.erase(0, out.find_first_not_of(".-_"));
    while (out.ends_with('.') || out.ends_with('_')) out.pop_back();
    if (out.size() <= export_name_max) return out;
    std::size_t from = out.size() - export_name_max;
    while (from < out.size() && (static_cast<unsigned char>(out[from]) & 0xC0) == 0x80) ++from;
    return out.substr(from);
}

ExportFile::ExportFile(int folder, std::string name)
    : folder_(folder),
      name_(std::move(name)),
      fd_(::openat(folder, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600))
{
}

ExportFile::~ExportFile()
{
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlinkat(folder_, name_.c_str(), 0);
}

Status ExportFile::write(std::string_view bytes)
{
    if (fd_ < 0) return fail(trouble(name_));
    hash_.update(bytes);
    buffer_ += bytes;
    return buffer_.size() < buffer_size ? Status(Done{}) : flush();
}

Status ExportFile::flush()
{
    for (std::string_view rest = buffer_; !rest.empty();) {
        const auto n = ::write(fd_, rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(trouble(name_));
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    buffer_.clear();
    return Done{};
}

Result<std::string> ExportFile::finish()
{
    if (fd_ < 0) return fail(trouble(name_));
    CHECK(flush());
    if (::fsync(fd_) != 0) return fail(trouble(name_));
    const int closed = ::close(std::exchange(fd_, -1));
    if (closed != 0) return fail(trouble(name_));
    return hash_.finish();
}

Result<std::unique_ptr<ExportFolder>> ExportFolder::make(const std::string& path, const std::string& owner)
{
    auto place = fs::path(path);
    if (!place.has_filename()) place = place.parent_path();  // "out/"
    const auto name = place.filename().string();
    if (name.empty() || name == "." || name == "..")
        return fail(refuse(Reason::input, path + " is no name for a new folder"));
    struct stat s {};
    if (::lstat(place.c_str(), &s) == 0)
        return fail(refuse(Reason::input, path + " is there already; nothing is written over"));
    const auto passing = (place.parent_path() / ("." + name + "." + hex(random_bytes(6)) + ".part")).string();
    if (::mkdir(passing.c_str(), 0700) != 0) return fail(trouble(passing));
    std::unique_ptr<ExportFolder> out(new ExportFolder(place.string(), passing));
    const auto files = passing + "/files";
    if (::mkdir(files.c_str(), 0700) != 0) return fail(trouble(files));
    if (!owner.empty())
        for (const auto& one : {passing, files}) CHECK(same_owner(one, owner));
    out->folder_ = ::open(passing.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    out->files_ = ::open(files.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (out->folder_ < 0 || out->files_ < 0) return fail(trouble(passing));
    return out;
}

ExportFolder::~ExportFolder()
{
    for (const int fd : {folder_, files_})
        if (fd >= 0) ::close(fd);
    std::error_code ignored;
    if (!finished_) fs::remove_all(passing_, ignored);
}

Status ExportFolder::finish()
{
    if (::fsync(files_) != 0 || ::fsync(folder_) != 0) return fail(trouble(passing_));
    // An empty folder that somebody made meanwhile would be replaced by a plain rename.
    if (::renameat2(AT_FDCWD, passing_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
        return fail(trouble(path_));
    finished_ = true;
    const auto parent = fs::path(path_).parent_path();
    const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        static_cast<void>(::fsync(fd));
        ::close(fd);
    }
    return Done{};
}

}  // namespace direct::ctl
