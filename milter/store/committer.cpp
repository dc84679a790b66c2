// committer.cpp - see committer.h.
#include "milter/store/committer.h"

#include <signal.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/store/faults.h"

namespace direct {

namespace {

struct AbortTxn {
    void operator()(MDB_txn* txn) const { mdb_txn_abort(txn); }
};
using Txn = std::unique_ptr<MDB_txn, AbortTxn>;

/// Dirty pages of a batch can be too many for one transaction though each request alone fits.
bool too_much_at_once(int rc)
{
    return rc == MDB_TXN_FULL || rc == MDB_MAP_FULL;
}

/// The same on the side of the disk. LMDB calls a write that came out short EIO; with a disk that is
/// broken it would only take long to try each request for itself.
bool disk_full(int rc, const LmdbEnv& env)
{
    constexpr std::uint64_t nearly_none = 16u << 20;
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG || (rc == EIO && env.disk_free() < nearly_none);
}

}  // namespace

Committer::Committer(LmdbEnv& env, const Sealer& sealer, ContentFiles& files, bool own_thread)
    : env_(env), sealer_(sealer), files_(files)
{
    if (own_thread) start_thread();
}

Committer::~Committer()
{
    {
        const std::lock_guard hold(lock_);
        stopping_ = true;
        work_waits_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

// Signals belong to the program's signal thread.
void Committer::start_thread()
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Status Committer::submit(const Work& work, std::size_t size_hint, bool makes_room)
{
    if (env_.gate().inside()) return fail(temporary("store: a write inside a read"));
    if (writer_.load() == std::this_thread::get_id()) return fail(temporary("store: a write inside a write"));
    Request request{work, size_hint, makes_room};
    if (!thread_.joinable()) {
        const std::lock_guard alone(one_writer_);
        Batch batch{&request};
        settle(batch);
        return std::move(request.result);
    }
    std::unique_lock hold(lock_);
    if (stopping_) return fail(temporary("store: closing"));
    queue_.push_back(&request);
    work_waits_.notify_one();
    request.wake.wait(hold, [&] { return request.done; });
    return std::move(request.result);
}

void Committer::run()
{
    std::unique_lock hold(lock_);
    for (;;) {
        work_waits_.wait(hold, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        Batch batch = take_batch(hold);
        hold.unlock();
        settle(batch);
        hold.lock();
        // Notified under the lock: a caller that wakes takes its request off the stack.
        for (Request* request : batch) {
            request->done = true;
            request->wake.notify_one();
        }
    }
}

Committer::Batch Committer::take_batch(std::unique_lock<std::mutex>&)
{
    Batch batch;
    std::size_t bytes = 0;
    while (!queue_.empty() && batch.size() < requests_max) {
        Request* const next = queue_.front();
        if (!batch.empty() && bytes + next->size_hint > bytes_max) break;
        bytes += next->size_hint;
        batch.push_back(next);
        queue_.pop_front();
    }
    return batch;
}

// A border: nothing a request or a library throws ends the thread.
void Committer::settle(Batch& batch)
{
    writer_.store(std::this_thread::get_id());
    try {
        commit(batch);
    } catch (...) {
        fail_all(batch, temporary("store: out of memory or another exception while committing"));
    }
    writer_.store(std::thread::id());
    for (Request* request : batch) {
        if (request->result)
            observe(Metric::commit_seconds, std::chrono::steady_clock::now() - request->from);
        for (const auto& id : request->files_to_remove) files_.remove(id);
    }
}

void Committer::commit(const Batch& batch)
{
    for (;;) {
        const int rc = try_commit(batch);
        if (rc == 0) return;
        if (rc == MDB_MAP_FULL || rc == MDB_MAP_RESIZED) {
            const Status grown = env_.grow(batch.size() == 1 && batch.front()->makes_room);
            if (grown || turn_free_pages()) continue;
            if (batch.size() == 1) return fail_all(batch, grown.error());
        }
        if (batch.size() > 1 && (too_much_at_once(rc) || disk_full(rc, env_)))
            return commit_one_by_one(batch);
        return fail_all(batch, commit_fault(rc));
    }
}

Fault Committer::commit_fault(int rc) const
{
    return why_closed_.empty() ? lmdb_fault("commit", rc) : temporary(why_closed_);
}

/// LMDB gives pages out again two commits after the one that freed them. When the map is full no ordinary
/// request can be the commit in between, and the room just made would never be found. So one is made, of
/// nothing, from the reserve. False when there is nothing to be gained by it.
bool Committer::turn_free_pages()
{
    if (!std::exchange(freed_lately_, false)) return false;
    static_cast<void>(env_.grow(true));
    MDB_txn* raw = nullptr;
    int rc = mdb_txn_begin(env_.env(), nullptr, 0, &raw);
    if (rc == 0) {
        Txn txn(raw);
        const MDB_dbi meta = env_.table(Table::meta);
        char name[] = "turn";
        MDB_val key{sizeof name, name}, value{0, nullptr};
        rc = mdb_put(raw, meta, &key, &value, 0);
        if (rc == 0) rc = mdb_del(raw, meta, &key, nullptr);
        if (rc == 0) rc = mdb_txn_commit(txn.release());
    }
    env_.give_reserve_back();
    return rc == 0;
}

void Committer::commit_one_by_one(const Batch& batch)
{
    for (Request* request : batch) commit({request});
}

/// One transaction for the batch: 0 when it is on disk or nothing was to be done (results are set), else
/// what went wrong, and then nothing has changed.
int Committer::try_commit(const Batch& batch)
{
    if (!env_.env()) {
        const Status opened = env_.reopen();
        why_closed_ = opened ? "" : opened.error().why;
        if (!opened) return ENODEV;
    }
    MDB_txn* raw = nullptr;
    int rc = mdb_txn_begin(env_.env(), nullptr, 0, &raw);
    if (rc == 0) {
        Txn txn(raw);
        if (const int failed = run_all(batch, raw)) return failed;
        const bool wanted =
            std::any_of(batch.begin(), batch.end(), [](const Request* r) { return r->result.has_value(); });
        if (!wanted) return 0;
        rc = store_faults::injected_fault(store_faults::Step::commit);
        if (rc == 0) rc = mdb_txn_commit(txn.release());
    }
    if (rc == 0)
        succeed(batch);
    else if (rc != MDB_MAP_FULL && rc != MDB_MAP_RESIZED)
        after_failed_commit(batch);
    return rc;
}

// LMDB may refuse everything after a failed write of its meta page; opened anew it reads what is on
// disk, and goes on as soon as the disk does.
void Committer::after_failed_commit(const Batch& batch)
{
    for (const Request* request : batch)
        for (const auto& state : request->attached) state->fate = PreparedState::unknown;
    if (const Status opened = env_.reopen(); !opened)
        LogLine(LOG_ERR, "", "store").with("reopen", opened.error().why);
}

/// Runs every request; 0, or an error that ends the whole transaction.
int Committer::run_all(const Batch& batch, MDB_txn* txn)
{
    for (Request* request : batch) {
        const int rc = batch.size() == 1 ? run_work(*request, txn) : run_nested(*request, txn);
        if (rc) return rc;
    }
    return 0;
}

int Committer::run_nested(Request& request, MDB_txn* parent)
{
    MDB_txn* raw = nullptr;
    if (const int rc = mdb_txn_begin(env_.env(), parent, 0, &raw)) return rc;
    Txn child(raw);
    if (const int rc = run_work(request, raw)) return rc;
    return request.result ? mdb_txn_commit(child.release()) : 0;
}

/// 0 when the request has its result, good or bad; an error when the whole transaction must go.
int Committer::run_work(Request& request, MDB_txn* raw)
{
    request.files_to_remove.clear();
    request.attached.clear();
    LmdbTxn txn(env_, sealer_, raw, true);
    try {
        request.result = request.work(txn);
    } catch (const std::exception&) {
        // Its text may hold what the request was about.
        request.result = fail(temporary("store: an exception in a request"));
    } catch (...) {
        request.result = fail(temporary("store: an unknown exception in a request"));
    }
    const int broken = txn.broken();
    if (too_much_at_once(broken) || broken == MDB_BAD_TXN) return broken;
    if (broken) {
        request.result = fail(lmdb_fault("request", broken));
        count(Metric::store_failures_total);
        LogLine(LOG_ERR, "", "store").with("what", request.result.error().why);
    }
    if (request.result) {
        request.files_to_remove = txn.take_files_to_remove();
        request.attached = txn.take_attached();
    }
    return 0;
}

void Committer::succeed(const Batch& batch)
{
    std::int64_t requests = 0;
    for (const Request* request : batch) {
        if (!request->result) continue;
        ++requests;
        for (const auto& state : request->attached) state->fate = PreparedState::committed;
    }
    count(Metric::commits_total);
    count(Metric::commit_requests_total, requests);
    freed_lately_ = std::any_of(batch.begin(), batch.end(), [](const Request* r) { return r->makes_room; });
    if (batch.size() == 1 && freed_lately_) env_.give_reserve_back();
}

// A request that failed by itself keeps its own reason.
void Committer::fail_all(const Batch& batch, const Fault& fault)
{
    std::int64_t failed = 0;
    for (Request* request : batch) {
        if (!request->result) continue;
        request->result = fail(fault);
        request->files_to_remove.clear();
        ++failed;
    }
    count(Metric::store_failures_total);
    LogLine(LOG_ERR, "", "store")
        .with("what", fault.why)
        .with("requests", failed)
        .with("disk-free", static_cast<std::int64_t>(env_.disk_free()));
}

}  // namespace direct
