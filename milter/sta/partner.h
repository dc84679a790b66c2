// partner.h - which certificates of a partner mail may be sealed for: found, bound to the address, good, trusted,
// as our policies want them. Sealing and `directctl cert find` ask the same code.
// Source: requirements D1, G1-G5.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "milter/base/reason.h"
#include "milter/sta/judging.h"

namespace direct {

struct PartnerCertificate {
    Certificate certificate;
    Reason reason = Reason::untrusted;  ///< sealed: mail may be encrypted for it; sender_mismatch: not bound
    std::vector<std::string> because;
};

struct PartnerVerdict {
    Reason reason = Reason::temporary;  ///< sealed, or why nothing can be sent
    Discovery found;
    std::vector<PartnerCertificate> certificates;  ///< all of the deciding step
};

/// Bytes of certificates that one message keeps from its look-ups while it waits: they lie outside of limits.work_memory, and
/// strangers publish them. Hundreds of recipients fit; who does not is asked for again, from the caches as a rule.
inline constexpr std::size_t looked_up_max = 2u << 20;

/// What is published for the recipients of one message, looked up before it takes its room in the work: who waits for
/// slow servers of strangers holds nothing that other mail needs.
struct LookedUp {
    std::map<std::string, Discovery> found;  ///< by Address::key()
    milliseconds budget_left{0};             ///< of policy.budget, for what is still to be looked up
};
LookedUp look_up_partners(const Site& site, const std::vector<Address>& recipients);

/// @param our_domain  whose anchors and policies count
/// @param notice      see anchors_for()
/// @param looked_up   nullptr, or without the recipient: it is looked up now
PartnerVerdict find_partner(const Site& site, Judging& judging, const std::string& our_domain,
                            const Address& recipient, bool notice, const LookedUp* looked_up = nullptr);

}  // namespace direct
