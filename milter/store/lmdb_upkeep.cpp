// lmdb_upkeep.cpp - what keeps a store in order beside its daily work: figures, sweep, backup, rekey.
//
// All of it runs beside readers and writers, in slices, so that no read transaction stays open long.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milter/base/text.h"
#include "milter/store/content_entry.h"
#include "milter/store/lmdb_store_impl.h"
#include "milter/store/schema.h"

namespace direct {

namespace {

constexpr std::int64_t idempotency_ms = 10ll * 24 * 3600 * 1000;
constexpr std::size_t slice = 1000;  ///< entries of one read and of one write

class GateHeld {
public:
    explicit GateHeld(MapGate& gate) : gate_(gate) { gate_.enter(); }
    ~GateHeld() { gate_.leave(); }
    GateHeld(const GateHeld&) = delete;
    GateHeld& operator=(const GateHeld&) = delete;

private:
    MapGate& gate_;
};

Fault backup_fault(const std::string& what, int error)
{
    return temporary("store backup: " + what + ": " + std::strerror(error));
}

}  // namespace

Result<StoreStat> LmdbStore::stat()
{
    StoreStat out;
    out.schema = schema_number;
    out.size_max = env_->size_max();
    CHECK(read([&](ReadTxn& txn) -> Status {
        for (std::uint8_t n = 1; n <= table_count; ++n) {
            const auto table = static_cast<Table>(n);
            TRY(const std::uint64_t number, txn.entries(table));
            out.entries.emplace_back(table_name(table), number);
        }
        MDB_envinfo info{};
        MDB_stat about{};
        mdb_env_info(env_->env(), &info);
        mdb_env_stat(env_->env(), &about);
        out.map_bytes = info.me_mapsize;
        out.used_bytes = (info.me_last_pgno + 1) * about.ms_psize;
        out.readers = info.me_numreaders;
        out.last_txn = info.me_last_txnid;
        return Done{};
    }));
    TRY(const auto files, files_.list());
    for (const auto& file : files) {
        ++out.content_files;
        out.content_bytes += file.bytes;
    }
    return out;
}

Status LmdbStore::sweep(std::int64_t now_ms)
{
    CHECK(sweep_files());
    return sweep_idempotency(now_ms);
}

// The order matters: a file listed and no longer protected has either been committed, which a read
// begun afterwards sees, or been given up.
Status LmdbStore::sweep_files()
{
    TRY(const auto listed, files_.list());
    for (const auto& file : listed) {
        if (file.id.empty() || files_.is_protected(file.id)) continue;
        const bool unfinished = file.name.ends_with(".tmp");
        if (!unfinished) {
            TRY(const bool named, is_named(file.id));
            if (named) continue;
        }
        files_.remove_name(file.name);
    }
    return Done{};
}

Status LmdbStore::sweep_idempotency(std::int64_t now_ms)
{
    std::string from;
    for (bool more = true; more;) {
        std::vector<std::string> old;
        std::size_t seen = 0;
        CHECK(read([&](ReadTxn& txn) {
            return txn.scan(Table::idempotency, "", from, [&](std::string_view key, std::string_view value) {
                from = std::string(key) + '\0';
                const auto record = decode_idempotency(value);
                if (record && record->at_ms < now_ms - idempotency_ms) old.emplace_back(key);
                return ++seen < slice;
            });
        }));
        more = seen == slice;
        if (old.empty()) continue;
        const auto erase_old = [&](WriteTxn& txn) -> Status {
            for (const auto& key : old) CHECK(txn.erase(Table::idempotency, key));
            return Done{};
        };
        CHECK(write_making_room(erase_old, old.size() * 100));
    }
    return Done{};
}

// LMDB's own copy by name would make the file with the rights of the umask.
Status LmdbStore::copy_environment(const std::string& folder)
{
    const std::string name = folder + "/data.mdb";
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail(backup_fault(name, errno));
    int rc = 0, sync_error = 0;
    {
        const GateHeld hold(env_->gate());
        rc = env_->env() ? mdb_env_copyfd2(env_->env(), fd, MDB_CP_COMPACT) : EIO;
    }
    if (rc == 0 && ::fsync(fd) != 0) sync_error = errno;
    ::close(fd);
    if (rc) return fail(lmdb_fault("backup", rc));
    if (sync_error) return fail(backup_fault("fsync", sync_error));
    return Done{};
}

// Records first, content second: every file the copy names is there unless it was erased meanwhile,
// and what was erased has no place in a backup made afterwards.
Status LmdbStore::backup(const std::string& folder)
{
    if (::mkdir(folder.c_str(), 0700) != 0)
        return fail(misconfigured("store backup: cannot make " + folder + ": " + std::strerror(errno)));
    CHECK(copy_environment(folder));
    CHECK(ContentFiles::make_folder(folder + "/content"));
    TRY(const auto listed, files_.list());
    for (const auto& file : listed)
        if (file.name == hex(file.id)) CHECK(files_.copy_to(file.id, folder + "/content"));
    return Done{};
}

Result<std::uint64_t> LmdbStore::rekey_table(Table table)
{
    std::uint64_t done = 0;
    std::string from;
    for (;;) {
        std::vector<std::string> old;
        const Status looked = read([&](ReadTxn& txn) -> Status {
            TRY(old, static_cast<LmdbTxn&>(txn).sealed_otherwise(table, from, sealer_.current(), slice));
            return Done{};
        });
        CHECK(looked);
        if (old.empty()) return done;
        const auto again = [&](WriteTxn& txn) -> Status {
            for (const auto& key : old) {
                TRY(const auto value, txn.get(table, key));
                if (value) CHECK(txn.put(table, key, *value));
            }
            return Done{};
        };
        CHECK(write(again, Committer::bytes_max));
        done += old.size();
        from = old.back() + '\0';
    }
}

Result<std::uint64_t> LmdbStore::rekey_files()
{
    std::uint64_t done = 0;
    TRY(const auto listed, files_.list());
    for (const auto& file : listed) {
        if (file.id.empty() || file.name != hex(file.id) || files_.is_protected(file.id)) continue;
        std::optional<ContentEntry> entry;
        const Status looked = read([&](ReadTxn& txn) -> Status {
            TRY(const auto value, txn.get(Table::content, file.id));
            if (!value) return Done{};
            TRY(entry, decode_content_entry(*value));
            return Done{};
        });
        CHECK(looked);
        if (!entry || !entry->in_file) continue;
        TRY(const bool sealed_anew, files_.reseal(file.id, entry->size));
        done += sealed_anew;
    }
    return done;
}

Result<std::uint64_t> LmdbStore::rekey()
{
    std::uint64_t done = 0;
    for (std::uint8_t n = 1; n <= table_count; ++n) {
        TRY(const std::uint64_t values, rekey_table(static_cast<Table>(n)));
        done += values;
    }
    TRY(const std::uint64_t files, rekey_files());
    return done + files;
}

void resize_store(RecordStore& store, std::uint64_t size_max)
{
    if (auto* const lmdb = dynamic_cast<LmdbStore*>(&store)) lmdb->set_size_max(size_max);
}

Status backup_store(RecordStore& store, const std::string& folder)
{
    auto* const lmdb = dynamic_cast<LmdbStore*>(&store);
    if (!lmdb) return fail(misconfigured("store backup: not an embedded store"));
    return lmdb->backup(folder);
}

Result<std::uint64_t> rekey_store(RecordStore& store)
{
    auto* const lmdb = dynamic_cast<LmdbStore*>(&store);
    if (!lmdb) return fail(misconfigured("store rekey: not an embedded store"));
    return lmdb->rekey();
}

}  // namespace direct
