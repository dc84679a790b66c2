// spool.cpp - see spool.h. On disk the message stands in pieces of 64 KB, each sealed by AES-256-GCM
// with the spool's number and the piece's place as associated data: a piece that was changed, moved,
// or taken from another message does not open. The key lives as long as the process.
// Faults: too_large; temporary with the errno text, never with content.
#include "milter/base/spool.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "milter/base/crypto.h"
#include "milter/base/log.h"
#include "milter/base/metrics.h"

namespace direct {
namespace {

constexpr std::size_t piece_size = 64 * 1024;
constexpr std::size_t sealed_size = piece_size + aead_overhead;
static_assert(spool_memory % piece_size == 0);

using Buffer = std::vector<char, CleansingAllocator<char>>;

std::string_view process_key()
{
    static const Secret key = random_secret(aead_key_size);
    return key.view();
}

std::uint64_t next_number()
{
    static std::atomic<std::uint64_t> number{0};
    return number.fetch_add(1, std::memory_order_relaxed);
}

std::string place(std::uint64_t spool, std::uint64_t piece)
{
    return "spool " + std::to_string(spool) + " piece " + std::to_string(piece);
}

/// Tells the administrator of trouble with the disk; a message that is too large is none.
Fault told(Fault fault)
{
    if (fault.retry != Retry::later) return fault;
    count(Metric::spool_failures_total);
    LogLine(LOG_ERR, "", "spool").with("what", fault.why);
    return fault;
}

Fault disk_fault(const char* what)
{
    return temporary(std::string("spool: ") + what + ": " + std::generic_category().message(errno));
}

/// Descriptors are given out from the lowest: one so near the limit means that a few more would keep the
/// process from taking connections and its store from opening files. The message is put off instead.
bool too_near_the_limit(int fd)
{
    constexpr rlim_t kept_free = 16;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return false;
    return static_cast<rlim_t>(fd) + kept_free > files.rlim_cur;
}

// A file without a name: nobody else can open it, and it is gone when the process is.
int open_unnamed(const std::string& directory)
{
    const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0) return fd;
    // EISDIR: a kernel, EOPNOTSUPP: a file system without O_TMPFILE.
    if (errno != EISDIR && errno != EOPNOTSUPP && errno != EINVAL) return -1;
    std::string name = directory + "/spool-XXXXXX";
    const int named = ::mkostemp(name.data(), O_CLOEXEC);
    if (named >= 0) ::unlink(name.c_str());
    return named;
}

Status write_at_end(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(disk_fault("cannot write"));
        if (n == 0) return fail(temporary("spool: nothing was written"));
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return Done{};
}

Status read_at(int fd, std::string& into, std::uint64_t from)
{
    for (std::size_t have = 0; have < into.size();) {
        const auto n = ::pread(fd, into.data() + have, into.size() - have, static_cast<off_t>(from + have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(disk_fault("cannot read"));
        if (n == 0) return fail(temporary("spool: the file is shorter than what was written"));
        have += static_cast<std::size_t>(n);
    }
    return Done{};
}

}  // namespace

struct Spool::State {
    std::string directory;
    std::uint64_t max;
    std::uint64_t number = next_number();
    std::uint64_t size = 0;
    std::uint64_t pieces = 0;  ///< on disk
    int fd = -1;
    Buffer tail;  ///< what is not on disk: everything, or less than one piece
    std::optional<Fault> fault;

    State(std::string d, std::uint64_t m) : directory(std::move(d)), max(m) {}
    ~State()
    {
        if (fd >= 0) ::close(fd);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Status append(std::string_view bytes);
    Status write_pieces();
};

Status Spool::State::append(std::string_view bytes)
{
    if (bytes.size() > max - size)
        return fail(refuse(Reason::too_large, "larger than " + std::to_string(max) + " bytes"));
    size += bytes.size();
    // In steps, so that one large append does not stand in memory twice.
    while (!bytes.empty()) {
        const auto step = bytes.substr(0, spool_memory);
        tail.insert(tail.end(), step.begin(), step.end());
        bytes.remove_prefix(step.size());
        if (fd >= 0 || tail.size() > spool_memory) CHECK(write_pieces());
    }
    return Done{};
}

Status Spool::State::write_pieces()
{
    if (fd < 0) fd = open_unnamed(directory);
    if (fd >= 0 && too_near_the_limit(fd)) {
        ::close(std::exchange(fd, -1));
        errno = EMFILE;
    }
    if (fd < 0) return fail(disk_fault(("no file in " + directory).c_str()));
    std::size_t done = 0;
    for (; tail.size() - done >= piece_size; done += piece_size) {
        const auto sealed = aead_seal(process_key(), place(number, pieces), {tail.data() + done, piece_size});
        CHECK(write_at_end(fd, sealed));
        ++pieces;
    }
    // A new buffer, because erase() would leave plain text behind the new end.
    if (done) {
        Buffer rest(tail.begin() + static_cast<std::ptrdiff_t>(done), tail.end());
        tail.swap(rest);
    }
    return Done{};
}

Spool::Spool(std::string directory, std::uint64_t max)
    : state_(std::make_unique<State>(std::move(directory), max))
{
}
Spool::~Spool() = default;
Spool::Spool(Spool&&) noexcept = default;
Spool& Spool::operator=(Spool&&) noexcept = default;

Status Spool::append(std::string_view bytes)
{
    if (state_->fault) return fail(*state_->fault);
    auto status = state_->append(bytes);
    if (!status) state_->fault = told(status.error());
    return status;
}

std::uint64_t Spool::size() const
{
    return state_->size;
}
bool Spool::on_disk() const
{
    return state_->fd >= 0;
}

Result<std::string> Spool::read_all() const
{
    const State& s = *state_;
    if (s.fault) return fail(*s.fault);
    std::string out;
    out.reserve(s.size);
    std::string sealed(s.pieces ? sealed_size : 0, '\0');
    for (std::uint64_t i = 0; i < s.pieces; ++i) {
        if (auto read = read_at(s.fd, sealed, i * sealed_size); !read) return fail(told(read.error()));
        auto piece = aead_open(process_key(), place(s.number, i), sealed);
        if (!piece) return fail(told(temporary("spool: a piece on disk was changed")));
        const CleanseAtEnd over(*piece);
        out += *piece;
    }
    out.append(s.tail.data(), s.tail.size());
    return out;
}

}  // namespace direct
