// record_store.h - the store as everybody else sees it: tables of sealed values, transactions, content.
//
// LMDB is the embedded default (lmdb_store.h); a store for several hosts comes behind the same
// interface and must pass the same suite (tests/store_contract).
//
// Rules:
//   * A write is a function that may run more than once (map grown, neighbour failed): it has no
//     effects outside the transaction. Never call the network or take long inside.
//   * write() returns when the change is on disk (synced), or with a Fault and nothing changed.
//     Many callers share one commit; a failing neighbour does not fail them.
//   * Values are sealed at rest (AES-256-GCM, associated data: table, key, schema number). Keys are
//     not: a key that would tell a person goes through index_key() first.
//   * read() sees one consistent snapshot; keep it short (an open reader lets the file grow).
// Kinds of failure: every Fault is temporary (4xx): disk or map full, I/O, wrong key, damaged value.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milter/base/crypto.h"
#include "milter/base/result.h"

namespace direct {

/// Every table. Numbers are on disk: never reuse, never renumber (schema.h tells each key's layout).
enum class Table : std::uint8_t {
    meta = 1,          ///< schema number, key check, audit head
    audit = 2,         ///< sequence -> entry
    idempotency = 3,   ///< key -> when, what
    message = 4,       ///< message id -> MessageRecord
    document = 5,      ///< message id | part number [| inner number] -> DocumentRecord
    item = 6,          ///< message id | part number | item number -> JSON of the item
    pending = 7,       ///< message id | part number -> attachments not yet parsed
    held = 8,          ///< held id -> HeldRecord
    held_by = 9,       ///< index: code, contact, message -> held id
    outbox = 10,       ///< outbox id -> OutboxEntry
    outbox_due = 11,   ///< due time | outbox id -> nothing
    quota = 12,        ///< who | day -> count
    message_by = 13,   ///< index: Message-ID, recipient -> message id
    content = 14,      ///< content id -> bytes up to store.inline_max
    notice = 15,       ///< contact -> when the last notice went, what waits for the digest
    settled = 16,      ///< outbox id -> what became of an entry that is done
    fetched = 17,      ///< URL -> what was fetched over the network
    bundle = 18,       ///< not used: bundles are files under store.path, which directctl reads too
    leg = 19,          ///< envelope id -> clear leg whose delivery is followed
    owed_notice = 20,  ///< due time | id -> notification still to be made, signed and sealed
    watch = 21,        ///< Message-ID, recipient -> outbound mail waiting for notifications
    watch_due = 22,    ///< due time | watch key -> nothing
    record_doc = 23,   ///< record | document key -> what the document is in that record
    doc_by = 24,       ///< index: what a document of a record is known by -> nothing
    item_by = 25,      ///< index: items of a record, all, by section, by code; newest first
};

/// A range scan hands out key and opened value; return false to stop.
using Visit = std::function<bool(std::string_view key, std::string_view value)>;
using VisitKey = std::function<bool(std::string_view key)>;

class ReadTxn {
public:
    virtual ~ReadTxn() = default;
    /// The value, nothing when there is none. Fault: temporary.
    virtual Result<std::optional<std::string>> get(Table table, std::string_view key) = 0;
    /// Keys >= from that begin with prefix, ascending. The views live for the call of visit only.
    virtual Status scan(Table table, std::string_view prefix, std::string_view from, const Visit& visit) = 0;
    /// The keys of scan() alone: also of values that cannot be opened any more, where scan() ends with a fault.
    virtual Status keys(Table table, std::string_view prefix, std::string_view from,
                        const VisitKey& visit) = 0;
    /// As scan(), descending from the last key with the prefix.
    virtual Status scan_back(Table table, std::string_view prefix, const Visit& visit) = 0;
    virtual Result<std::uint64_t> entries(Table table) = 0;
};

class WriteTxn : public ReadTxn {
public:
    /// Adds or replaces. Keys are 1..500 bytes. Fault: temporary.
    virtual Status put(Table table, std::string_view key, std::string_view value) = 0;
    /// Adds; false when the key is there already (nothing changed then).
    virtual Result<bool> insert(Table table, std::string_view key, std::string_view value) = 0;
    /// Removes; false when it was not there.
    virtual Result<bool> erase(Table table, std::string_view key) = 0;
    /// Removes content when the transaction commits (file or value).
    virtual Status erase_content(std::string_view content_id) = 0;
};

/// Names bytes too big for a record: id of 16 random bytes, size, SHA-256 of the plain bytes. Goes into
/// a record with codec. Content that no committed record names is swept at the next start.
struct ContentRef {
    std::string id;          ///< 16 bytes; empty = none
    std::uint64_t size = 0;  ///< plain bytes
    std::string sha256;      ///< 32 bytes, of the plain bytes
    bool in_file = false;    ///< sealed file of 64 KiB chunks, else a value of Table::content
    explicit operator bool() const { return !id.empty(); }
};

/// Content prepared by the calling thread (sealed, and when big written and fsynced as a file) before
/// the transaction that names it. attach() inside write() makes it permanent; a Prepared that was never
/// attached and committed removes its file when it goes.
class PreparedContent {
public:
    virtual ~PreparedContent() = default;
    virtual const ContentRef& ref() const = 0;
    /// Inside write(): small bytes become a value; a file is only named. May be called again on a rerun.
    virtual Status attach(WriteTxn& txn) = 0;
    /// After write() returned success: the file stays. (Attached and committed it stays anyway.)
    virtual void keep() = 0;
};

struct StoreStat {
    std::uint64_t schema = 0;
    std::uint64_t map_bytes = 0, used_bytes = 0, size_max = 0;
    std::uint64_t content_files = 0, content_bytes = 0;
    std::vector<std::pair<std::string, std::uint64_t>> entries;  ///< table name, number
    std::uint64_t readers = 0, last_txn = 0;
};

class RecordStore {
public:
    virtual ~RecordStore() = default;
    virtual Status read(const std::function<Status(ReadTxn&)>& work) = 0;
    /// @param size_hint  bytes this request will write, for the committer's 4 MB batches
    virtual Status write(const std::function<Status(WriteTxn&)>& work, std::size_t size_hint = 4096) = 0;
    /// A write that removes more than it adds. Even a removal needs a few pages, so a part of the store's
    /// size is kept back for these: a full store can still be emptied. Otherwise as write().
    virtual Status write_making_room(const std::function<Status(WriteTxn&)>& work,
                                     std::size_t size_hint = 4096)
    {
        return write(work, size_hint);
    }

    /// `own_key`, when not empty, seals the bytes under that 32-byte key instead of the store's
    /// (held records: only the right answer opens them). It is not kept.
    virtual Result<std::unique_ptr<PreparedContent>> prepare(std::string_view bytes,
                                                             std::string_view own_key = {}) = 0;
    /// Whole content. Fault: temporary (also when the hash does not fit).
    virtual Result<std::string> content(const ContentRef& ref, std::string_view own_key = {}) = 0;
    /// `length` bytes from `offset`, fewer at the end: only the chunks touched are opened. Each chunk is
    /// authenticated; the hash of the whole is not looked at. Fault: temporary (also offset > size).
    virtual Result<std::string> content_range(const ContentRef& ref, std::uint64_t offset,
                                              std::uint64_t length, std::string_view own_key = {}) = 0;

    /// HMAC-SHA-256 (first 16 bytes) of text that would reveal a person, under a label of its own.
    virtual std::string index_key(std::string_view label, std::string_view text) const = 0;
    /// Key for the audit chain's HMAC, derived from store.key; borrowed, lives as long as the store.
    virtual std::string_view audit_key() const = 0;

    virtual Result<StoreStat> stat() = 0;
    /// Removes content files no record names and idempotency entries past their time.
    virtual Status sweep(std::int64_t now_ms) = 0;
};

}  // namespace direct
