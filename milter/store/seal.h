// seal.h - encryption at rest: which keys there are and how a value is sealed under them.
//
// store.key gives three keys by HKDF labels: seal, index, audit. The first key file stays for index and
// audit for ever; a rekey adds a further seal key with the next number, and new values are sealed under
// the highest. Layout of a sealed value:
//
//     u8 key number | 12 bytes nonce | AES-256-GCM ciphertext | 16 bytes tag
//     associated data: u8 table | u64 schema number | u8 key number | record key
//
// so a value moved to another key or table, or kept over a schema step, does not open. Content has a
// key of its own, HKDF(seal key or the record's own key, content id), so that the number of chunks
// under one key stays far from the limit of random nonces. Immutable after the keys are in: thread safe.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "milter/base/crypto.h"
#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

inline constexpr std::size_t store_key_size = 32;

class Sealer {
public:
    /// @param store_key  32 bytes, key number 1
    Sealer(std::string_view store_key, std::uint64_t schema);

    /// A further key file of a rekey; numbers are 2..255. Values are sealed under the highest number.
    void add_key(std::uint8_t number, std::string_view store_key);

    std::string seal(Table table, std::string_view key, std::string_view plain) const;
    /// Fault: temporary (damaged, moved, other key).
    Result<std::string> open(Table table, std::string_view key, std::string_view sealed) const;

    /// Key of one content. `own_key` empty: derived from seal key `number`. Fault: temporary (no such key).
    Result<Secret> content_key(std::uint8_t number, std::string_view content_id,
                               std::string_view own_key) const;
    std::uint8_t current() const { return current_; }

    std::string index_key(std::string_view label, std::string_view text) const;
    std::string_view audit_key() const { return audit_key_.view(); }

private:
    std::string associated(Table table, std::uint8_t number, std::string_view key) const;
    std::uint64_t schema_;
    std::uint8_t current_ = 1;
    std::map<std::uint8_t, Secret> seal_keys_;
    Secret index_key_, audit_key_;
};

}  // namespace direct
