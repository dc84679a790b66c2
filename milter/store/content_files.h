// content_files.h - content too big for a record: one sealed file each, beside the environment.
//
// Layout of <store>/content/<hex of the id>, mode 0600:
//
//     "DMC1" | u8 key number (0 = the record's own key) | 3 zero bytes | 16 bytes content id
//     chunk 0 | chunk 1 | ...     each: nonce 12 | up to 64 KiB of ciphertext | tag 16
//     associated data of a chunk: the 24 bytes of the header | u64 chunk number | u8 1 when the last
//
// A chunk moved, a file cut off, lengthened or exchanged does not open. A file is written under a
// temporary name, fsynced, renamed, and the folder fsynced, before the record that names it commits:
// after a crash there is a whole file or one that no record names, which sweep() removes. Thread safe.
#pragma once
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/store/record_store.h"
#include "milter/store/seal.h"

namespace direct {

class ContentFiles {
public:
    static constexpr std::size_t chunk_size = 64 * 1024;

    /// Makes the folder (0700) when missing. Fault: configuration.
    static Status make_folder(const std::string& folder);
    ContentFiles(std::string folder, const Sealer& sealer) : folder_(std::move(folder)), sealer_(sealer) {}

    /// Seals and writes durably; on failure nothing is left. Fault: temporary.
    Status write(std::string_view id, std::string_view bytes, std::string_view own_key);
    /// Seals an existing file anew under the newest key; a reader sees the old or the new one. Files under
    /// the newest key or a record's own are left alone (false). Fault: temporary, the old file stays.
    Result<bool> reseal(std::string_view id, std::uint64_t size);
    /// A second name, or where that cannot be a copy, in another folder. False when the file has gone.
    Result<bool> copy_to(std::string_view id, const std::string& folder) const;
    /// `length` bytes from `offset`; the caller has held both against ref.size. Fault: temporary.
    Result<std::string> read(const ContentRef& ref, std::uint64_t offset, std::uint64_t length,
                             std::string_view own_key) const;
    void remove(std::string_view id);

    /// Content prepared but not yet decided about: sweep leaves it alone.
    void protect(std::string_view id);
    void release(std::string_view id);
    bool is_protected(std::string_view id) const;

    struct Listed {
        std::string id;    ///< empty for a file under a temporary or foreign name
        std::string name;  ///< in the folder
        std::uint64_t bytes = 0;
    };
    Result<std::vector<Listed>> list() const;
    void remove_name(const std::string& name);

private:
    std::string path(std::string_view id) const;
    Status write_file(const std::string& name, std::string_view id, std::string_view bytes,
                      std::string_view own_key);
    Status sync_folder() const;
    std::string folder_;
    const Sealer& sealer_;
    mutable std::mutex lock_;
    std::set<std::string, std::less<>> protected_;
};

}  // namespace direct
