// bundle_envelope.h - inside this room: the layers around a bundle's certificates, and who has signed them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "policy/certificate.h"

namespace direct::bundle {

/// DER, BER, PEM or base64 (text around the latter two is skipped) of a CMS SignedData; empty when it is none.
ossl::Cms open(std::string_view bytes);

/// The encapsulated content, all its pieces; nothing when there is none.
std::optional<std::string> content(CMS_ContentInfo* signed_data);

/// How many SignerInfos there are.
std::size_t signatures(CMS_ContentInfo* signed_data);

/// The fingerprint of the first of `signers` whose signature over `content` holds at that time. Every
/// SignerInfo is looked at alone, up to `max`. Faults as read_bundle's.
Result<std::string> verified_signer(CMS_ContentInfo* signed_data, std::string_view content,
                                    const std::vector<Certificate>& signers, Time now, std::size_t max);

}  // namespace direct::bundle
