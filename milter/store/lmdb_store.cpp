// lmdb_store.cpp - the embedded store: environment, committer, content. See record_store.h for the rules.
#include "milter/store/lmdb_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/store/content_entry.h"
#include "milter/store/lmdb_store_impl.h"
#include "milter/store/schema.h"

namespace direct {

namespace {

constexpr std::string_view keycheck_text = "direct-milter store key";

Status sync_folder(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!synced) return fail(temporary("store: fsync " + path + ": " + std::strerror(error)));
    return Done{};
}

class LmdbPrepared final : public PreparedContent {
public:
    LmdbPrepared(LmdbStore& store, ContentRef ref, std::string sealed_entry)
        : store_(store), ref_(std::move(ref)), sealed_entry_(std::move(sealed_entry))
    {
    }
    ~LmdbPrepared() override;
    const ContentRef& ref() const override { return ref_; }
    Status attach(WriteTxn& txn) override;
    void keep() override { kept_ = true; }

private:
    LmdbStore& store_;
    ContentRef ref_;
    std::string sealed_entry_;
    bool kept_ = false;
    std::shared_ptr<PreparedState> state_ = std::make_shared<PreparedState>();
};

}  // namespace

Status LmdbPrepared::attach(WriteTxn& txn)
{
    auto* const lmdb = dynamic_cast<LmdbTxn*>(&txn);
    if (!lmdb) return fail(temporary("store: content of another store"));
    CHECK(lmdb->put_raw(Table::content, ref_.id, sealed_entry_));
    lmdb->note_attached(state_);
    return Done{};
}

LmdbPrepared::~LmdbPrepared()
{
    if (!ref_.in_file) return;
    bool wanted = kept_ || state_->fate == PreparedState::committed;
    if (!wanted && state_->fate == PreparedState::unknown) {
        // The commit failed, but what is on disk decides. In doubt the file stays for sweep().
        const auto named = store_.is_named(ref_.id);
        wanted = !named || *named;
    }
    if (!wanted) store_.files().remove(ref_.id);
    store_.files().release(ref_.id);
}

/// A new store gets its schema number and the key's check value; an old one must have both.
Status LmdbStore::check_or_mark(bool create)
{
    bool fresh = false;
    CHECK(read([&](ReadTxn& txn) -> Status {
        auto& lmdb = static_cast<LmdbTxn&>(txn);
        TRY(const auto schema, lmdb.get_raw(Table::meta, "schema"));
        fresh = !schema;
        if (fresh) return Done{};
        if (const auto found = read_be64(*schema); found != schema_number)
            return fail(misconfigured("store: schema " + std::to_string(found) + " in " + options_.path +
                                      ", this program knows " + std::to_string(schema_number)));
        const auto check = txn.get(Table::meta, "keycheck");
        if (!check || !*check || **check != keycheck_text)
            return fail(misconfigured("store: store.key does not fit the store in " + options_.path));
        return Done{};
    }));
    if (!fresh) return Done{};
    if (!create) return fail(misconfigured("store: there is none in " + options_.path));
    const auto mark = [](WriteTxn& txn) -> Status {
        CHECK(static_cast<LmdbTxn&>(txn).put_raw(Table::meta, "schema", be64(schema_number)));
        return txn.put(Table::meta, "keycheck", keycheck_text);
    };
    CHECK(write(mark, 100));
    // A synced commit is worth nothing when the name of its file is lost.
    CHECK(sync_folder(options_.path));
    return sync_folder(options_.path + "/..");
}

// After a failure the next write opens the environment anew, but readers must not wait for one to come.
Status LmdbStore::open_again()
{
    return committer_.submit([](WriteTxn&) -> Status { return Done{}; }, 0);
}

Status LmdbStore::read(const std::function<Status(ReadTxn&)>& work)
{
    if (!env_->is_open()) CHECK(open_again());
    TRY(const auto scope, ReadScope::begin(*env_));
    LmdbTxn txn(*env_, sealer_, scope->txn(), false);
    return work(txn);
}

Result<std::unique_ptr<PreparedContent>> LmdbStore::prepare(std::string_view bytes, std::string_view own_key)
{
    ContentRef ref{new_id(), bytes.size(), sha256(bytes), bytes.size() > options_.inline_max};
    ContentEntry entry{ref.in_file, ref.size, !own_key.empty(), {}};
    if (ref.in_file) {
        files_.protect(ref.id);
        if (Status written = files_.write(ref.id, bytes, own_key); !written) {
            files_.release(ref.id);
            count(Metric::store_failures_total);
            LogLine(LOG_ERR, "", "store")
                .with("what", written.error().why)
                .with("disk-free", static_cast<std::int64_t>(env_->disk_free()));
            return fail(std::move(written).error());
        }
    } else if (own_key.empty()) {
        entry.bytes = std::string(bytes);
    } else {
        TRY(const Secret key, sealer_.content_key(0, ref.id, own_key));
        entry.bytes = aead_seal(key.view(), ref.id, bytes);
    }
    std::string sealed = sealer_.seal(Table::content, ref.id, encode(entry));
    return std::make_unique<LmdbPrepared>(*this, std::move(ref), std::move(sealed));
}

Result<std::string> LmdbStore::inline_content(const ContentRef& ref, std::string_view own_key)
{
    std::optional<std::string> value;
    CHECK(read([&](ReadTxn& txn) -> Status {
        TRY(value, txn.get(Table::content, ref.id));
        return Done{};
    }));
    if (!value) return fail(temporary("store: content is missing"));
    TRY(ContentEntry entry, decode_content_entry(*value));
    if (entry.in_file || entry.size != ref.size || entry.own_key != !own_key.empty())
        return fail(temporary("store: content does not fit its reference"));
    if (own_key.empty()) return std::move(entry.bytes);
    TRY(const Secret key, sealer_.content_key(0, ref.id, own_key));
    return aead_open(key.view(), ref.id, entry.bytes);
}

Result<std::string> LmdbStore::content(const ContentRef& ref, std::string_view own_key)
{
    auto bytes = ref.in_file ? files_.read(ref, 0, ref.size, own_key) : inline_content(ref, own_key);
    if (bytes && (bytes->size() != ref.size || sha256(*bytes) != ref.sha256))
        return fail(temporary("store: content does not have the hash it was stored with"));
    return bytes;
}

Result<std::string> LmdbStore::content_range(const ContentRef& ref, std::uint64_t offset,
                                             std::uint64_t length, std::string_view own_key)
{
    if (offset > ref.size) return fail(temporary("store: a range begins behind its content"));
    length = std::min(length, ref.size - offset);
    if (ref.in_file) return files_.read(ref, offset, length, own_key);
    TRY(const std::string bytes, inline_content(ref, own_key));
    return bytes.substr(offset, length);
}

Result<bool> LmdbStore::is_named(std::string_view content_id)
{
    bool named = false;
    CHECK(read([&](ReadTxn& txn) -> Status {
        TRY(const auto entry, txn.get(Table::content, content_id));
        named = entry.has_value();
        return Done{};
    }));
    return named;
}

Sealer LmdbStore::ring(const Secret& key, const std::vector<Secret>& further_keys)
{
    Sealer sealer(key.view(), schema_number);
    for (std::size_t i = 0; i < further_keys.size(); ++i)
        sealer.add_key(static_cast<std::uint8_t>(i + 2), further_keys[i].view());
    return sealer;
}

Result<std::unique_ptr<RecordStore>> open_lmdb_store(const StoreOptions& options, const Secret& store_key,
                                                     const std::vector<Secret>& further_keys)
{
    bool sizes = store_key.size() == store_key_size && further_keys.size() <= 254;
    for (const auto& key : further_keys) sizes = sizes && key.size() == store_key_size;
    if (!sizes) return fail(misconfigured("store: store.key is not 32 bytes"));
    TRY(auto env, LmdbEnv::open({options.path, options.map_start, options.size_max, options.create}));
    CHECK(ContentFiles::make_folder(options.path + "/content"));
    auto store = std::make_unique<LmdbStore>(options, std::move(env), store_key, further_keys);
    CHECK(store->check_or_mark(options.create));
    return store;
}

Result<Secret> read_key_file(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(misconfigured("key file " + path + ": " + std::strerror(errno)));
    struct stat about {};
    Secret key = Secret::of_size(store_key_size + 1);
    const bool known = ::fstat(fd, &about) == 0;
    const ssize_t n = ::read(fd, key.data(), key.size());
    ::close(fd);
    if (!known || n < 0) return fail(misconfigured("key file " + path + " cannot be read"));
    if (about.st_mode & 077)
        return fail(misconfigured("key file " + path + " may be read by others; chmod 0400 it"));
    if (n != static_cast<ssize_t>(store_key_size))
        return fail(misconfigured("key file " + path + " is not exactly 32 bytes"));
    return Secret(key.view().substr(0, store_key_size));
}

}  // namespace direct
