// lmdb_env.cpp - see lmdb_env.h.
#include "milter/store/lmdb_env.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace direct {

namespace {

constexpr unsigned readers_max = 1024;  ///< read transactions at one moment; each takes 64 bytes
constexpr std::uint64_t page = 4096;
/// Room for LMDB's header and readers_max slots, in whole pages; it takes the slots from the file's size.
constexpr off_t lock_file_size = (readers_max * 64 / 4096 + 1) * 4096;
/// Of size_max, what only requests that make room may use: a removal copies some tens of pages at most.
constexpr std::uint64_t reserve_share = 16, reserve_max = 64ull << 20;
constexpr std::uint64_t removal_pages = 64;

// Which gates this thread is in; nearly always none or one.
thread_local std::vector<const MapGate*> gates_of_thread;

Fault folder_fault(const std::string& what, const std::string& path, int error)
{
    return misconfigured("store: " + what + " " + path + ": " + std::strerror(error));
}

}  // namespace

Fault lmdb_fault(const char* what, int rc)
{
    return temporary(std::string("store: ") + what + ": " + mdb_strerror(rc));
}

void MapGate::enter()
{
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return !alone_ || inside(); });
    ++inside_;
    gates_of_thread.push_back(this);
}

void MapGate::leave()
{
    const std::lock_guard hold(lock_);
    --inside_;
    const auto mine = std::find(gates_of_thread.rbegin(), gates_of_thread.rend(), this);
    if (mine != gates_of_thread.rend()) gates_of_thread.erase(std::next(mine).base());
    changed_.notify_all();
}

void MapGate::enter_alone()
{
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return !alone_; });
    alone_ = true;
    changed_.wait(hold, [&] { return inside_ == 0; });
}

void MapGate::leave_alone()
{
    const std::lock_guard hold(lock_);
    alone_ = false;
    changed_.notify_all();
}

bool MapGate::inside() const
{
    return std::find(gates_of_thread.begin(), gates_of_thread.end(), this) != gates_of_thread.end();
}

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::open(const Options& options)
{
    if (!options.create && ::access((options.path + "/data.mdb").c_str(), F_OK) != 0)
        return fail(misconfigured("store: there is none in " + options.path));
    if (::mkdir(options.path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(folder_fault("cannot make", options.path, errno));
    std::unique_ptr<LmdbEnv> out(new LmdbEnv(options));
    CHECK(out->lock_folder());
    CHECK(out->open_env());
    return out;
}

LmdbEnv::~LmdbEnv()
{
    env_.reset();
    if (lock_fd_ >= 0) ::close(lock_fd_);
}

Status LmdbEnv::lock_folder()
{
    const std::string path = options_.path + "/store.lock";
    lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd_ < 0) return fail(folder_fault("cannot open", path, errno));
    char who[32] = {};
    if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail(folder_fault("cannot lock", path, errno));
        const ssize_t n = ::pread(lock_fd_, who, sizeof who - 1, 0);
        const std::string_view pid(who, n > 0 ? static_cast<std::size_t>(n) : 0);
        return fail(temporary("store: " + options_.path + " is in use by process " +
                              std::string(pid.substr(0, pid.find('\n')))));
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    // The number only helps a person; the lock holds without it.
    if (::ftruncate(lock_fd_, 0) != 0 || ::pwrite(lock_fd_, pid.data(), pid.size(), 0) < 0) return Done{};
    return Done{};
}

Status LmdbEnv::open_env()
{
    MDB_env* raw = nullptr;
    if (const int rc = mdb_env_create(&raw)) return fail(lmdb_fault("mdb_env_create", rc));
    Env env(raw);
    map_size_ = std::max(map_size_, std::min(options_.map_start, ordinary_max())) / page * page;
    CHECK(take_lock_file_blocks());
    mdb_env_set_maxdbs(raw, table_count + 8u);
    mdb_env_set_maxreaders(raw, readers_max);
    mdb_env_set_mapsize(raw, map_size_);
    // Neither MDB_NOSYNC nor MDB_NOMETASYNC: "250" means that a power cut cannot take it back.
    if (const int rc = mdb_env_open(raw, options_.path.c_str(), MDB_NOTLS, 0600)) {
        if (rc == EACCES || rc == ENOENT || rc == ENOTDIR || rc == EROFS)
            return fail(folder_fault("cannot open", options_.path, rc));
        return fail(lmdb_fault("mdb_env_open", rc));
    }
    int dead = 0;
    mdb_reader_check(raw, &dead);
    env_ = std::move(env);
    Status tables = open_tables();
    if (!tables) env_.reset();  // without its tables it would refuse everything and never be opened again
    return tables;
}

Status LmdbEnv::take_lock_file_blocks() const
{
    // Before LMDB has it open: closing a descriptor of ours would take LMDB's own lock on the file away.
    const std::string path = options_.path + "/lock.mdb";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(folder_fault("cannot open", path, errno));
    const int error = ::posix_fallocate(fd, 0, lock_file_size);
    ::close(fd);
    if (error) return fail(temporary("store: no room for " + path + ": " + std::strerror(error)));
    return Done{};
}

std::uint64_t LmdbEnv::ordinary_max() const
{
    const std::uint64_t all = size_max_;
    return (all - std::min(all / reserve_share, reserve_max)) / page * page;
}

Status LmdbEnv::open_tables()
{
    MDB_txn* txn = nullptr;
    if (const int rc = mdb_txn_begin(env(), nullptr, 0, &txn)) return fail(lmdb_fault("mdb_txn_begin", rc));
    for (std::uint8_t n = 1; n <= table_count; ++n) {
        const char* name = table_name(static_cast<Table>(n));
        if (const int rc = mdb_dbi_open(txn, name, MDB_CREATE, &tables_[n])) {
            mdb_txn_abort(txn);
            return fail(lmdb_fault("mdb_dbi_open", rc));
        }
    }
    if (const int rc = mdb_txn_commit(txn)) return fail(lmdb_fault("mdb_txn_commit", rc));
    return Done{};
}

Status LmdbEnv::grow(bool into_reserve)
{
    if (!is_open()) return fail(temporary("store: not open after a failure"));
    gate_.enter_alone();
    MDB_envinfo info{};
    mdb_env_info(env(), &info);
    std::uint64_t limit = ordinary_max();
    // A store that is bigger than a size_max lowered afterwards has no reserve, and must be emptied all the same.
    if (into_reserve)
        limit = std::max(size_max_ / page * page, (info.me_last_pgno + 1 + removal_pages) * page);
    // The reserve is taken in a small step: what is left over must not tempt the next request.
    const std::uint64_t step = into_reserve ? info.me_mapsize + (reserve_max >> 4) : info.me_mapsize * 2;
    const std::uint64_t want = std::min(step, limit);
    int rc = 0;
    const bool room = want > info.me_mapsize;
    if (room) rc = mdb_env_set_mapsize(env(), want);
    if (room && rc == 0) map_size_ = want;
    gate_.leave_alone();
    if (!room) return fail(temporary("store: store.size_max reached"));
    if (rc) return fail(lmdb_fault("mdb_env_set_mapsize", rc));
    return Done{};
}

void LmdbEnv::give_reserve_back()
{
    gate_.enter_alone();
    if (env() && map_size_ > ordinary_max()) {
        // LMDB keeps at least what is in use. When the smaller map cannot be had, the next commit tells.
        mdb_env_set_mapsize(env(), ordinary_max());
        MDB_envinfo info{};
        mdb_env_info(env(), &info);
        map_size_ = info.me_mapsize;
    }
    gate_.leave_alone();
}

bool LmdbEnv::is_open()
{
    gate_.enter();
    const bool open = env() != nullptr;
    gate_.leave();
    return open;
}

std::uint64_t LmdbEnv::disk_free() const
{
    struct statvfs about {};
    if (::statvfs(options_.path.c_str(), &about) != 0) return 0;
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

Status LmdbEnv::reopen()
{
    gate_.enter_alone();
    env_.reset();
    Status opened = open_env();
    gate_.leave_alone();
    return opened;
}

}  // namespace direct
