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
#include "milter/newuser/subject.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// At most newuser.derivations answer derivations at once; one object per process.
class Derivations {
public:
    explicit Derivations(std::size_t at_once);
    ~Derivations();
    /// scrypt + HKDF. Fault: newuser_busy when no place is free within `wait`; temporary.
    Result<Secret> wrapping_key(const Secret& pepper, const Secret& normal_answer, std::string_view salt,
                                milliseconds wait);

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct HeldRequest {
    const DomainSettings* domain = nullptr;
    const Settings* settings = nullptr;
    NewuserLine line;                           ///< moved in; the answer goes with it
    std::string_view message;                   ///< inner message without the newuser line, answer headers and code: what the person will get
    std::string sender, sender_organisation, sender_fingerprint, message_id, queue_id;
    std::string newuser_address;
    bool wrapped = true;                        ///< false: W2
    Time now{};
};

/// A held record ready to be written: content sealed and prepared, key wrapped.
struct PreparedHeld {
    HeldRecord record;
    std::unique_ptr<PreparedContent> content;
    /// Inside write(): the record, its indexes, quota rows, audit is the caller's.
    /// Fault: newuser_quota.
    Status write(WriteTxn& txn, const RecordStore& store, const Settings& settings) const;
};

/// Fault: newuser_busy, temporary, malformed.
Result<PreparedHeld> prepare_held(RecordStore& store, const Secret& pepper, Derivations& derivations,
                                  HeldRequest request);

/// The content key, when the answer is right; nothing when it is wrong.
Result<std::optional<Secret>> unwrap_content_key(const HeldRecord& record, const Secret& pepper,
                                                 Derivations& derivations, const Secret& normal_answer);

/// 20 characters without vowels and look-alikes, the last a check character; "XXXX-XXXX-..." for people.
std::string new_pickup_code();
bool plausible_code(std::string_view code);          ///< length, alphabet, check character; separators and case ignored
std::string printable_code(std::string_view code);

/// Is the change of state allowed (pick-up manual "States")?
bool may_change(std::string_view from, std::string_view to);

/// The inner message as the person will get it: Subject replaced by the real one, X-Direct-Pickup-* removed.
Result<std::string> message_for_person(std::string_view message, const NewuserLine& line, std::size_t header_limit);

}  // namespace direct
