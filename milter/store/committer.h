// committer.h - many requests, one synced commit.
//
// A commit is two device flushes (about 8 ms on the disks this was measured on), whatever is in it.
// Threads that each commit for themselves queue up behind LMDB's writer lock, which is unfair and
// groups nothing. So requests wait here, one thread takes what waits (at most 64 requests or 4 MB),
// runs each in a nested transaction, commits once, synced, and wakes their callers. There is no
// artificial delay: a single request is one commit, and under load the batches make themselves.
//
// A request that fails, throws or breaks something is dropped alone. When the map is full everything
// is dropped, the map grown and the whole batch run again; when it may not grow any more, or the disk is
// full, the requests run one by one, so that only those that do not fit fail. When the commit fails for
// another reason, every request of the batch gets a temporary Fault and nothing has changed. Each failure is
// a line of the log and a step of store_failures_total.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "milter/store/content_files.h"
#include "milter/store/lmdb_env.h"
#include "milter/store/lmdb_txn.h"

namespace direct {

class Committer {
public:
    using Work = std::function<Status(WriteTxn&)>;
    static constexpr std::size_t requests_max = 64;
    static constexpr std::size_t bytes_max = 4u << 20;

    /// @param own_thread  false: submit() commits in the calling thread
    Committer(LmdbEnv& env, const Sealer& sealer, ContentFiles& files, bool own_thread);
    /// Finishes what waits.
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    /// Waits until the request is on disk or has failed.
    /// @param makes_room  it may use what size_max keeps back for removals
    Status submit(const Work& work, std::size_t size_hint, bool makes_room = false);

private:
    struct Request {
        const Work& work;
        std::size_t size_hint;
        bool makes_room;
        std::chrono::steady_clock::time_point from = std::chrono::steady_clock::now();
        Status result{};
        bool done = false;
        std::condition_variable wake{};
        std::vector<std::string> files_to_remove{};
        std::vector<std::shared_ptr<PreparedState>> attached{};
    };
    using Batch = std::vector<Request*>;

    void start_thread();
    void run();
    Batch take_batch(std::unique_lock<std::mutex>& hold);
    void settle(Batch& batch);
    void commit(const Batch& batch);
    void commit_one_by_one(const Batch& batch);
    bool turn_free_pages();
    int try_commit(const Batch& batch);
    int run_all(const Batch& batch, MDB_txn* txn);
    int run_nested(Request& request, MDB_txn* parent);
    int run_work(Request& request, MDB_txn* txn);
    void after_failed_commit(const Batch& batch);
    void succeed(const Batch& batch);
    void fail_all(const Batch& batch, const Fault& fault);
    Fault commit_fault(int rc) const;

    LmdbEnv& env_;
    const Sealer& sealer_;
    ContentFiles& files_;
    std::mutex lock_;
    std::condition_variable work_waits_;
    std::deque<Request*> queue_;
    bool stopping_ = false;
    std::atomic<std::thread::id> writer_{};  ///< the thread that runs requests at the moment
    std::mutex one_writer_;                  ///< without a thread of our own
    bool freed_lately_ = false;              ///< the last commit made room; the writer's own
    std::string why_closed_;  ///< why the environment could not be opened anew; the writer's own
    std::thread thread_;
};

}  // namespace direct
