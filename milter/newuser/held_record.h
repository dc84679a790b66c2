// held_record.h - makes and opens held records: sealing under the answer, codes, states.
//
// The content lies under a per-record AES-256-GCM key; that key is wrapped by
// K = HKDF(pepper, scrypt(normalise(answer), salt; N=2^15, r=8, p=1)) with the record id as associated data. No other form
// of the answer exists: unwrapping is the check. Source: pick-up manual "Sealing", newuser manual 4.
// Thread safe.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/base/fair_gate.h"
#include "milter/newuser/subject.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// At most newuser.derivations answer derivations at once; one object per process.
class Derivations {
public:
    explicit Derivations(std::size_t at_once);
    /// scrypt + HKDF. Fault: newuser_busy when no place is free within `wait` and the message's Patience; temporary.
    Result<Secret> wrapping_key(const Secret& pepper, const Secret& normal_answer, std::string_view salt,
                                milliseconds wait);

private:
    FairGate gate_;
};

struct HeldRequest {
    const DomainSettings* domain = nullptr;
    const Settings* settings = nullptr;
    NewuserLine line;  ///< moved in; the answer goes with it
    std::string_view
        message;  ///< inner message without the newuser line, answer headers and code: what the person will get
    std::string sender, sender_organisation, sender_fingerprint, message_id, queue_id;
    std::string newuser_address;
    bool wrapped = true;  ///< false: W2
    Time now{};
};

/// A held record ready to be written: content sealed and prepared, key wrapped.
struct PreparedHeld {
    HeldRecord record;
    std::unique_ptr<PreparedContent> content;
    /// Inside write(): the record, its indexes and quota rows; audit is the caller's.
    /// Fault: newuser_quota, temporary.
    Status write(WriteTxn& txn, const RecordStore& store, const Settings& settings) const;
};

/// Takes about half a second (the derivation) and waits up to ten seconds for a place.
/// Fault: newuser_busy, temporary, malformed (also an X-Direct-Pickup-Expires nobody can read).
Result<PreparedHeld> prepare_held(RecordStore& store, const Secret& pepper, Derivations& derivations,
                                  HeldRequest request);

/// The content key, when the answer is right; nothing when it is wrong.
Result<std::optional<Secret>> unwrap_content_key(const HeldRecord& record, const Secret& pepper,
                                                 Derivations& derivations, const Secret& normal_answer);

/// 20 characters without vowels and look-alikes, the last a check character; "XXXX-XXXX-..." for people.
std::string new_pickup_code();
bool plausible_code(
    std::string_view code);  ///< length, alphabet, check character; separators and case ignored
std::string printable_code(std::string_view code);
/// The code as it is stored: 20 upper-case characters; empty when it is not plausible.
std::string normal_code(std::string_view code);

/// The end of a record's time from X-Direct-Pickup-Expires: an ISO 8601 date (its whole day counts), time,
/// duration ("P30D", "PT12H", "P2W"), or "30d"; between one hour and 365 days from now, others are moved to
/// the nearer bound. Empty: now + otherwise. Fault: malformed: unreadable, or in the past.
Result<Time> expiry_of(std::string_view expires, Time now, milliseconds otherwise);

/// Is the change of state allowed (pick-up manual "States")?
bool may_change(std::string_view from, std::string_view to);

/// The inner message as the person will get it: Subject replaced by the real one (no Subject when there is
/// none), X-Direct-Pickup-* removed, and fields in which mail programs repeat the Subject (Thread-Topic).
/// Everything else byte for byte. Fault: malformed.
Result<std::string> message_for_person(std::string_view message, const NewuserLine& line,
                                       std::size_t header_limit);

}  // namespace direct
