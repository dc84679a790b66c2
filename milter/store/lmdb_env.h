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
// Faults: configuration (folder, rights), temporary (the rest).
#pragma once
#include <lmdb.h>

#include <array>
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

    /// Doubles the map, or takes over one grown elsewhere. No write transaction may be open.
    /// Fault: temporary, "store.size_max reached".
    Status grow();
    /// Closes and opens the environment. No write transaction may be open.
    Status reopen();

private:
    explicit LmdbEnv(const Options& options) : options_(options) {}
    Status lock_folder();
    Status open_env();
    Status open_tables();

    using Env = Handle<MDB_env, &mdb_env_close>;
    Options options_;
    int lock_fd_ = -1;
    std::uint64_t map_size_ = 0;
    Env env_;
    std::array<MDB_dbi, table_count + 1> tables_{};
    MapGate gate_;
};

}  // namespace direct
