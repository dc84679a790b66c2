// lmdb_env.h - the LMDB environment: one process, one map, grown when full, opened anew when broken.
//
// Threads and locks:
//   * A lock file (flock) lets one process in; LMDB's own locks only order its threads.
//   * Read transactions are not tied to threads (MDB_NOTLS): the milter's workers come and go.
//   * Changing the map size and opening anew need a moment without any transaction of this process.
//     MapGate gives it: a reader waits while somebody is in alone(). A read inside a read of the same
//     thread passes, or it would wait for itself.
//   * A failed commit can leave LMDB refusing everything (MDB_PANIC). reopen() closes and opens the
//     environment, so that a full disk needs no restart once there is room again.
//   * Even a removal writes: LMDB copies the pages it changes. So the last part of store.size_max is kept
//     back for requests that make room, or a full map could never be emptied again.
//   * lock.mdb is a map of shared memory too: a page of it that the disk has no room for ends the process
//     with SIGBUS. Its blocks are taken when the environment is opened.
// Faults: configuration (folder, rights), temporary (the rest).
#pragma once
#include <lmdb.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "milter/base/handle.h"
#include "milter/base/result.h"
#include "milter/store/schema.h"

namespace direct {

/// Many inside at once, or one alone. Who wants to be alone is not starved by newcomers.
class MapGate {
public:
    void enter();
    void leave();
    void enter_alone();
    void leave_alone();
    /// This thread is inside now.
    bool inside() const;

private:
    std::mutex lock_;
    std::condition_variable changed_;
    unsigned inside_ = 0;
    bool alone_ = false;
};

Fault lmdb_fault(const char* what, int rc);

class LmdbEnv {
public:
    struct Options {
        std::string path;
        std::uint64_t map_start = 1ull << 30;
        std::uint64_t size_max = 64ull << 30;
        bool create = true;
    };
    static Result<std::unique_ptr<LmdbEnv>> open(const Options& options);
    ~LmdbEnv();
    LmdbEnv(const LmdbEnv&) = delete;
    LmdbEnv& operator=(const LmdbEnv&) = delete;

    MDB_env* env() const { return env_.get(); }
    MDB_dbi table(Table t) const { return tables_[static_cast<std::size_t>(t)]; }
    MapGate& gate() { return gate_; }

    /// Doubles the map, or takes over one grown elsewhere; `into_reserve`: up to the whole of size_max.
    /// No write transaction may be open. Fault: temporary, "store.size_max reached".
    Status grow(bool into_reserve);
    /// After a request that needed the reserve: what it did not use is kept back again.
    void give_reserve_back();
    /// A new store.size_max, in bytes; a map that is bigger already stays. Any thread.
    void set_size_max(std::uint64_t bytes) { size_max_ = bytes; }
    std::uint64_t size_max() const { return size_max_; }
    /// Closes and opens the environment. No write transaction may be open.
    Status reopen();
    /// False after a reopen() that failed. Any thread.
    bool is_open();
    /// Bytes the disk below the store has free, for the log; 0 when that cannot be told.
    std::uint64_t disk_free() const;

private:
    explicit LmdbEnv(const Options& options) : options_(options), size_max_(options.size_max) {}
    Status lock_folder();
    Status take_lock_file_blocks() const;
    std::uint64_t ordinary_max() const;
    Status open_env();
    Status open_tables();

    using Env = Handle<MDB_env, &mdb_env_close>;
    Options options_;
    int lock_fd_ = -1;
    std::atomic<std::uint64_t> size_max_;
    std::uint64_t map_size_ = 0;
    Env env_;
    std::array<MDB_dbi, table_count + 1> tables_{};
    MapGate gate_;
};

}  // namespace direct
