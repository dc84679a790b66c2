// agreement.h - ECDH, X9.63 derivation and AES key wrap: the same steps for opening and for sealing.
// Nothing is returned when a step does not work. Thread safe. Source: RFC 5753 section 7.2, RFC 3394.
#pragma once
#include <optional>
#include <string>

#include "milter/base/crypto.h"
#include "milter/smime/algorithms.h"

namespace direct::cms {

/// A public key from its point on the curve of `key`; a point that is not on it gives nothing.
ossl::PrivateKey point_on_curve_of(EVP_PKEY* key, std::string_view point);
/// The key that wraps the content key. @param wrap_algorithm  the whole AlgorithmIdentifier as it stands in the CMS
std::optional<Secret> derive_key(EVP_PKEY* own, EVP_PKEY* peer, const DigestAlgorithm& digest,
                                 const KeyWrap& wrap, std::string_view wrap_algorithm,
                                 std::string_view user_material);
std::optional<Secret> aes_unwrap(const KeyWrap& wrap, std::string_view kek, std::string_view wrapped);
std::optional<std::string> aes_wrap(const KeyWrap& wrap, std::string_view kek, std::string_view key);

}  // namespace direct::cms
