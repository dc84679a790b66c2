// lmdb_store.h - opens the embedded store. lmdb.h itself stays inside this folder.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "milter/base/crypto.h"
#include "milter/store/record_store.h"

namespace direct {

struct StoreOptions {
    std::string path;                      ///< store.path; made with mode 0700 when missing
    std::uint64_t size_max = 64ull << 30;  ///< store.size_max, bytes
    std::size_t inline_max = 128 * 1024;   ///< store.inline_max, bytes
    std::uint64_t map_start = 1ull << 30;  ///< first map size; grows by doubling up to size_max
    bool create = true;
    bool committer = true;  ///< false: directctl without the daemon commits by itself
};

/// Opens or makes the store and starts its committer thread. The environment is opened by one process
/// at a time (a lock file says who). Fault: configuration (folder, rights, wrong store.key, newer
/// schema) or temporary (I/O).
/// @param store_key     32 bytes; HKDF labels give the seal, index and audit keys
/// @param further_keys  keys added by rekeys, oldest first, 32 bytes each; the last one seals
Result<std::unique_ptr<RecordStore>> open_lmdb_store(const StoreOptions& options, const Secret& store_key,
                                                     const std::vector<Secret>& further_keys = {});

/// A new store.size_max, in bytes, from the next write on; a store that is bigger already stays as it is.
/// Any thread. Does nothing to another kind of store.
void resize_store(RecordStore& store, std::uint64_t size_max);

/// Reads a key file of exactly 32 bytes; refuses one that others may read. Fault: configuration.
Result<Secret> read_key_file(const std::string& path);

/// Copies a consistent moment of the store, without its free pages, into a folder that is made for it
/// (0700) and must not exist: opened with the same keys it is a store. Content erased meanwhile is not
/// in it. Runs beside readers and writers, but the map cannot grow until the records are copied.
/// Fault: configuration (folder), temporary (I/O; what was copied is left).
Status backup_store(RecordStore& store, const std::string& folder);

/// Seals every value and content file anew that is not under the newest key, beside readers and
/// writers; returns how many. May be stopped and run again. Index and audit keys stay those of the
/// first key; content under a record's own key stays as it is. Fault: temporary.
Result<std::uint64_t> rekey_store(RecordStore& store);

}  // namespace direct
