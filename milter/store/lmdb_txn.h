// lmdb_txn.h - one LMDB transaction as readers and writers see it; values are sealed and opened here.
//
// Used by one thread. What a request does beside the map (content files to remove, prepared content to
// settle) is only noted; the committer acts on it when the commit is on disk.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milter/store/lmdb_env.h"
#include "milter/store/record_store.h"
#include "milter/store/seal.h"

namespace direct {

/// What became of prepared content; shared by the Prepared and the transaction it was attached in.
struct PreparedState {
    enum Fate : int {
        loose,      ///< no committed record names it
        committed,  ///< its entry is on disk
        unknown,    ///< a commit with its entry failed: the disk decides
    };
    std::atomic<int> fate{loose};
};

class LmdbTxn final : public WriteTxn {
public:
    LmdbTxn(LmdbEnv& env, const Sealer& sealer, MDB_txn* txn, bool writes)
        : env_(env), sealer_(sealer), txn_(txn), writes_(writes)
    {
    }

    Result<std::optional<std::string>> get(Table table, std::string_view key) override;
    Status scan(Table table, std::string_view prefix, std::string_view from, const Visit& visit) override;
    Status keys(Table table, std::string_view prefix, std::string_view from, const VisitKey& visit) override;
    Status scan_back(Table table, std::string_view prefix, const Visit& visit) override;
    Result<std::uint64_t> entries(Table table) override;

    Status put(Table table, std::string_view key, std::string_view value) override;
    Result<bool> insert(Table table, std::string_view key, std::string_view value) override;
    Result<bool> erase(Table table, std::string_view key) override;
    Status erase_content(std::string_view content_id) override;

    /// Stores bytes as they are: sealed beforehand by the calling thread, or not secret (schema number).
    Result<bool> put_raw(Table table, std::string_view key, std::string_view bytes, bool replace = true);
    Result<std::optional<std::string_view>> get_raw(Table table, std::string_view key);
    /// Keys from `from` on whose values are not sealed under key `number`, at most `max`.
    Result<std::vector<std::string>> sealed_otherwise(Table table, std::string_view from, std::uint8_t number,
                                                      std::size_t max);
    void note_attached(std::shared_ptr<PreparedState> state) { attached_.push_back(std::move(state)); }

    /// First error of LMDB in this transaction that a request cannot repair; 0 when there is none. Such
    /// a request has failed, whatever it returned.
    int broken() const { return broken_; }
    std::vector<std::string> take_files_to_remove() { return std::move(files_to_remove_); }
    std::vector<std::shared_ptr<PreparedState>> take_attached() { return std::move(attached_); }

private:
    struct Walk;
    Status walk(Table table, Walk& walk, const Visit& visit);
    int remember(int rc);
    Result<std::string> open_value(Table table, std::string_view key, std::string_view bytes) const;
    Status check_key(std::string_view key) const;

    LmdbEnv& env_;
    const Sealer& sealer_;
    MDB_txn* txn_;
    bool writes_;
    int broken_ = 0;
    std::uint64_t changes_ = 0;
    std::vector<std::string> files_to_remove_;
    std::vector<std::shared_ptr<PreparedState>> attached_;
};

/// A read transaction; ends with its scope.
class ReadScope {
public:
    static Result<std::unique_ptr<ReadScope>> begin(LmdbEnv& env);
    ~ReadScope();
    ReadScope(const ReadScope&) = delete;
    ReadScope& operator=(const ReadScope&) = delete;
    MDB_txn* txn() const { return txn_; }

private:
    explicit ReadScope(LmdbEnv& env) : env_(env) { env_.gate().enter(); }
    LmdbEnv& env_;
    MDB_txn* txn_ = nullptr;
};

}  // namespace direct
