// content_files.cpp - see content_files.h for the layout and the order of steps.
#include "milter/store/content_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "milter/base/text.h"
#include "milter/store/faults.h"
#include "milter/store/schema.h"

namespace direct {

namespace {

using store_faults::injected_fault;
using store_faults::Step;

constexpr std::size_t header_size = 4 + 1 + 3 + id_size;
constexpr std::size_t sealed_chunk = ContentFiles::chunk_size + aead_overhead;

/// Nothing here keeps descriptors longer than a call, so a child of ours never inherits one.
class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

Fault io_fault(const char* what, int error)
{
    return temporary(std::string("store: content file: ") + what + ": " + std::strerror(error));
}

std::string header_of(std::uint8_t number, std::string_view id)
{
    std::string out("DMC1");
    out += static_cast<char>(number);
    out.append(3, '\0');
    out += id;
    return out;
}

std::string chunk_context(const std::string& header, std::uint64_t number, bool last)
{
    return header + be64(number) + (last ? '\1' : '\0');
}

std::uint64_t chunks_of(std::uint64_t size)
{
    return size == 0 ? 1 : (size + ContentFiles::chunk_size - 1) / ContentFiles::chunk_size;
}

Status write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        if (const int error = injected_fault(Step::write)) return fail(io_fault("write", error));
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(io_fault("write", n < 0 ? errno : ENOSPC));
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return Done{};
}

Status sync(int fd)
{
    if (const int error = injected_fault(Step::sync)) return fail(io_fault("fsync", error));
    if (::fsync(fd) != 0) return fail(io_fault("fsync", errno));
    return Done{};
}

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t length)
{
    std::string out(length, '\0');
    std::size_t have = 0;
    while (have < length) {
        const ssize_t n = ::pread(fd, out.data() + have, length - have, static_cast<off_t>(offset + have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(io_fault("read", errno));
        if (n == 0) return fail(temporary("store: a content file is cut short"));
        have += static_cast<std::size_t>(n);
    }
    return out;
}

Status write_chunks(int fd, const Secret& key, const std::string& header, std::string_view bytes)
{
    const std::uint64_t chunks = chunks_of(bytes.size());
    CHECK(write_all(fd, header));
    for (std::uint64_t i = 0; i < chunks; ++i) {
        const auto plain = bytes.substr(i * ContentFiles::chunk_size, ContentFiles::chunk_size);
        CHECK(write_all(fd, aead_seal(key.view(), chunk_context(header, i, i + 1 == chunks), plain)));
    }
    return sync(fd);
}

Status rename_to(const std::string& from, const std::string& to)
{
    if (const int error = injected_fault(Step::rename)) return fail(io_fault("rename", error));
    if (::rename(from.c_str(), to.c_str()) != 0) return fail(io_fault("rename", errno));
    return Done{};
}

}  // namespace

Status ContentFiles::make_folder(const std::string& folder)
{
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(misconfigured("cannot make " + folder + ": " + std::strerror(errno)));
    return Done{};
}

std::string ContentFiles::path(std::string_view id) const
{
    return folder_ + "/" + hex(id);
}

Status ContentFiles::sync_folder() const
{
    const Fd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return fail(io_fault("open folder", errno));
    return sync(folder.get());
}

/// Writes under the name whole and synced, or leaves nothing; the folder is not synced yet.
Status ContentFiles::write_file(const std::string& name, std::string_view id, std::string_view bytes,
                                std::string_view own_key)
{
    const std::uint8_t number = own_key.empty() ? sealer_.current() : 0;
    TRY(const Secret key, sealer_.content_key(number, id, own_key));
    const Fd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return fail(io_fault("create", errno));
    Status done = write_chunks(file.get(), key, header_of(number, id), bytes);
    if (!done) ::unlink(name.c_str());
    return done;
}

Status ContentFiles::write(std::string_view id, std::string_view bytes, std::string_view own_key)
{
    const std::string name = path(id), unfinished = name + ".tmp";
    CHECK(write_file(unfinished, id, bytes, own_key));
    Status done = rename_to(unfinished, name);
    if (!done) ::unlink(unfinished.c_str());
    if (done) done = sync_folder();
    if (!done) ::unlink(name.c_str());
    return done;
}

Result<bool> ContentFiles::reseal(std::string_view id, std::uint64_t size)
{
    const std::string name = path(id), unfinished = name + ".tmp";
    const Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail(io_fault("open", errno));
    TRY(const std::string header, read_at(file.get(), 0, header_size));
    const auto number = static_cast<std::uint8_t>(header[4]);
    if (number == 0 || number == sealer_.current()) return false;
    ContentRef ref;
    ref.id = id;
    ref.size = size;
    TRY(const std::string bytes, read(ref, 0, size, {}));
    CHECK(write_file(unfinished, id, bytes, {}));
    if (Status done = rename_to(unfinished, name); !done) {
        ::unlink(unfinished.c_str());
        return fail(std::move(done).error());
    }
    CHECK(sync_folder());
    return true;
}

Result<bool> ContentFiles::copy_to(std::string_view id, const std::string& folder) const
{
    const std::string from = path(id), to = folder + "/" + hex(id);
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK) return fail(io_fault("link", errno));
    const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!in && errno == ENOENT) return false;
    if (!in) return fail(io_fault("open", errno));
    const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!out) return fail(io_fault("create", errno));
    struct stat about {};
    if (::fstat(in.get(), &about) != 0) return fail(io_fault("stat", errno));
    const auto size = static_cast<std::uint64_t>(about.st_size);
    for (std::uint64_t at = 0; at < size; at += chunk_size) {
        TRY(const std::string bytes, read_at(in.get(), at, std::min<std::uint64_t>(chunk_size, size - at)));
        CHECK(write_all(out.get(), bytes));
    }
    CHECK(sync(out.get()));
    return true;
}

Result<std::string> ContentFiles::read(const ContentRef& ref, std::uint64_t offset, std::uint64_t length,
                                       std::string_view own_key) const
{
    const Fd file(::open(path(ref.id).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail(io_fault("open", errno));
    TRY(const std::string header, read_at(file.get(), 0, header_size));
    const auto number = static_cast<std::uint8_t>(header[4]);
    if (header != header_of(number, ref.id) || (number == 0) != !own_key.empty())
        return fail(temporary("store: a content file does not begin as it should"));
    TRY(const Secret key, sealer_.content_key(number, ref.id, own_key));

    const std::uint64_t chunks = chunks_of(ref.size);
    std::string out;
    if (length == 0 && ref.size != 0) return out;
    out.reserve(length);
    const std::uint64_t last = length == 0 ? 0 : (offset + length - 1) / chunk_size;
    for (std::uint64_t i = offset / chunk_size; i <= last; ++i) {
        const std::size_t plain_size = std::min<std::uint64_t>(chunk_size, ref.size - i * chunk_size);
        TRY(const std::string sealed,
            read_at(file.get(), header_size + i * sealed_chunk, plain_size + aead_overhead));
        auto plain = aead_open(key.view(), chunk_context(header, i, i + 1 == chunks), sealed);
        if (!plain) return fail(temporary("store: a content file is damaged"));
        const std::uint64_t from = i * chunk_size < offset ? offset - i * chunk_size : 0;
        out.append(*plain, from, length - out.size());
    }
    return out;
}

void ContentFiles::remove(std::string_view id)
{
    ::unlink(path(id).c_str());
}

void ContentFiles::remove_name(const std::string& name)
{
    ::unlink((folder_ + "/" + name).c_str());
}

void ContentFiles::protect(std::string_view id)
{
    const std::lock_guard hold(lock_);
    protected_.emplace(id);
}

void ContentFiles::release(std::string_view id)
{
    const std::lock_guard hold(lock_);
    if (const auto at = protected_.find(id); at != protected_.end()) protected_.erase(at);
}

bool ContentFiles::is_protected(std::string_view id) const
{
    const std::lock_guard hold(lock_);
    return protected_.contains(id);
}

Result<std::vector<ContentFiles::Listed>> ContentFiles::list() const
{
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_.c_str()), &::closedir);
    if (!folder) return fail(io_fault("list folder", errno));
    std::vector<Listed> out;
    while (const dirent* entry = ::readdir(folder.get())) {
        Listed one;
        one.name = entry->d_name;
        if (one.name == "." || one.name == "..") continue;
        struct stat about {};
        if (::fstatat(::dirfd(folder.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
        one.bytes = static_cast<std::uint64_t>(about.st_size);
        const std::string_view stem = std::string_view(one.name).substr(0, 2 * id_size);
        if (auto id = unhex(stem); id && id->size() == id_size) one.id = *id;
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace direct
