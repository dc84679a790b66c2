// audit.h - the append-only record of who did what, when, and what came of it.
//
// Each entry carries the HMAC of the one before (key from store.key), so a changed, removed or
// reordered entry is found by verify_audit(). Written inside the transaction of the thing it tells.
// Never in an entry: subject, body, question, answer, pick-up code, key.
// Source: requirements.md N1-N8.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/reason.h"
#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

struct HeldRecord;

struct AuditEntry {
    std::uint64_t sequence = 0;  ///< set by append
    Time at{};
    std::string event;      ///< message-in, message-out, held-made, notice-queued, explain, anchor-add, ...
    std::string who;        ///< verified sender, login, or "uid 0 (root)" of a command
    std::string from_host;  ///< client address, or "local"
    std::string sender, recipient;  ///< addresses; one entry per recipient, but see further
    std::string message_id;         ///< Message-ID header
    std::string queue_id;
    std::string token;                      ///< decision token, or "ok" / "failed" for commands
    std::string detail;                     ///< plain words for the admin: reasons, fingerprints, file names
    std::vector<std::string> certificates;  ///< hex SHA-256 fingerprints
    std::string chain;                      ///< 32 bytes, set by append
    std::vector<std::string>
        further;  ///< recipients beside the first, of a message refused to a stranger: some
    std::uint64_t further_count = 0;  ///< and how many they are, named or not (refusals.h)
};

/// Adds one entry at the end of the chain. Call inside RecordStore::write(). Fault: temporary.
Status append_audit(WriteTxn& txn, const RecordStore& store, AuditEntry entry);
/// That a held record has ended and why ("record-expired", "record-revoked"), by the daemon itself: `who` may be put right.
AuditEntry held_end_entry(const HeldRecord& record, std::string token, Time now);
/// One entry in a transaction of its own (commands).
Status audit_now(RecordStore& store, AuditEntry entry);

struct AuditQuery {
    std::optional<Time> since, until;
    std::string id;           ///< Message-ID, queue id or address; empty = all
    std::uint64_t after = 0;  ///< only entries with a greater sequence: the next page of a list
};
/// Entries in order. Fault: temporary. `visit` returns false to stop.
Status read_audit(RecordStore& store, const AuditQuery& query,
                  const std::function<bool(const AuditEntry&)>& visit);

struct AuditCheck {
    std::uint64_t entries = 0;
    bool intact = true;
    std::uint64_t first_bad = 0;  ///< sequence; 0 when intact
    std::string what;             ///< "changed", "missing", "cut off at the end"
};
Result<AuditCheck> verify_audit(RecordStore& store);

std::string encode(const AuditEntry&);
Result<AuditEntry> decode_audit(std::string_view bytes);

}  // namespace direct
