// lmdb_store_impl.h - the embedded store's parts together; for lmdb_store.cpp and lmdb_upkeep.cpp only.
#pragma once
#include <memory>
#include <string>

#include "milter/store/committer.h"
#include "milter/store/content_files.h"
#include "milter/store/lmdb_env.h"
#include "milter/store/lmdb_store.h"

namespace direct {

class LmdbStore final : public RecordStore {
public:
    LmdbStore(const StoreOptions& options, std::unique_ptr<LmdbEnv> env, const Secret& key,
              const std::vector<Secret>& further_keys)
        : options_(options),
          env_(std::move(env)),
          sealer_(ring(key, further_keys)),
          files_(options.path + "/content", sealer_),
          committer_(*env_, sealer_, files_, options.committer)
    {
    }

    Status check_or_mark(bool create);
    Status backup(const std::string& folder);
    Result<std::uint64_t> rekey();

    Status read(const std::function<Status(ReadTxn&)>& work) override;
    Status write(const std::function<Status(WriteTxn&)>& work, std::size_t size_hint) override
    {
        return committer_.submit(work, size_hint);
    }
    Status write_making_room(const std::function<Status(WriteTxn&)>& work, std::size_t size_hint) override
    {
        return committer_.submit(work, size_hint, true);
    }
    void set_size_max(std::uint64_t bytes) { env_->set_size_max(bytes); }
    Result<std::unique_ptr<PreparedContent>> prepare(std::string_view bytes,
                                                     std::string_view own_key) override;
    Result<std::string> content(const ContentRef& ref, std::string_view own_key) override;
    Result<std::string> content_range(const ContentRef& ref, std::uint64_t offset, std::uint64_t length,
                                      std::string_view own_key) override;
    std::string index_key(std::string_view label, std::string_view text) const override
    {
        return sealer_.index_key(label, text);
    }
    std::string_view audit_key() const override { return sealer_.audit_key(); }
    Result<StoreStat> stat() override;
    Status sweep(std::int64_t now_ms) override;

    ContentFiles& files() { return files_; }
    /// A committed record names this content file.
    Result<bool> is_named(std::string_view content_id);

private:
    Status open_again();
    static Sealer ring(const Secret& key, const std::vector<Secret>& further_keys);
    Status copy_environment(const std::string& folder);
    Result<std::uint64_t> rekey_table(Table table);
    Result<std::uint64_t> rekey_files();
    Result<std::string> inline_content(const ContentRef& ref, std::string_view own_key);
    Status sweep_files();
    Status sweep_idempotency(std::int64_t now_ms);

    StoreOptions options_;
    std::unique_ptr<LmdbEnv> env_;
    Sealer sealer_;
    ContentFiles files_;
    Committer committer_;  // last: its thread uses the others
};

}  // namespace direct
