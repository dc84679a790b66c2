// signed_data.h - SignedData taken apart; no mathematics. Everything is a view into the bytes given.
// Thread safe. Source: RFC 5652 section 5.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/smime/algorithms.h"
#include "milter/smime/ber.h"
#include "milter/smime/envelope.h"

namespace direct::cms {

struct SignerEntry {
    Identifier who;
    Algorithm digest, signature_algorithm;
    std::optional<ber::Element> attributes;  ///< signed ones
    std::string signature;
};

struct SignedData {
    std::vector<SignerEntry> signers;
    std::vector<std::string_view> certificates;  ///< DER; attribute certificates left out
    std::optional<ber::Element> content;         ///< OCTET STRING of an opaque signature
};

/// @param limit  certificates at most, and signers at most
/// Faults: malformed; not_signed when the CMS is something else.
Result<SignedData> read_signed_data(std::string_view der, std::size_t limit);

/// What the signed attributes promise: the digest of the content. Nothing unless contentType (data) and
/// messageDigest stand there exactly once with one value each.
std::optional<std::string_view> promised_digest(const ber::Element& attributes);
/// The bytes that are signed: the attributes' DER as a SET OF. Nothing when they cannot be encoded.
std::optional<std::string> attributes_to_hash(const ber::Element& attributes);

}  // namespace direct::cms
