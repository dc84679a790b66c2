// lmdb_store.h - opens the embedded store. lmdb.h itself stays inside this folder.
#pragma once
#include <memory>
#include <string>

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
/// @param store_key  32 bytes; HKDF labels give the seal, index and audit keys
Result<std::unique_ptr<RecordStore>> open_lmdb_store(const StoreOptions& options, const Secret& store_key);

/// Reads a key file of exactly 32 bytes; refuses one that others may read. Fault: configuration.
Result<Secret> read_key_file(const std::string& path);

}  // namespace direct
