// partner.h - which certificates of a partner mail may be sealed for: found, bound to the address, good, trusted,
// as our policies want them. Sealing and `directctl cert find` ask the same code.
// Source: requirements D1, G1-G5.
#pragma once
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

/// @param our_domain  whose anchors and policies count
/// @param notice      see anchors_for()
PartnerVerdict find_partner(const Site& site, Judging& judging, const std::string& our_domain,
                            const Address& recipient, bool notice);

}  // namespace direct
