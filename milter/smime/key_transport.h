// key_transport.h - the content key out of a RecipientInfo with our private key, and into one with a
// partner's public key.
//
// Opening never tells a bad padding from a bad content: whatever goes wrong with the private key's work
// gives a random key of the right size, and the content then does not open (C14). The padding of PKCS#1
// v1.5 is looked at in constant time at fixed places, because the content cipher tells the key's size.
// Thread safe; OpenSSL's error queue is left empty.
// Source: RFC 8017 section 7, RFC 5753, RFC 3394; RFC 3218 for the defence.
#pragma once
#include <optional>
#include <string>

#include "milter/base/crypto.h"
#include "milter/smime/envelope.h"
#include "policy/certificate.h"

namespace direct::cms {

struct UnwrappedKey {
    Secret key;       ///< always the size asked for; random when it did not work
    std::string how;  ///< "rsa-pkcs1", "rsa-oaep-sha256", "ecdh-sha256", ...
};

/// One operation of the private key. Nothing when the entry's algorithm is not ours or not for this kind
/// of key; that is told by public bytes alone, before the key works.
std::optional<UnwrappedKey> unwrap_key(const RecipientEntry& entry, EVP_PKEY* key, std::size_t key_size);

/// A whole RecipientInfo for the certificate (issuer and serial). Fault: temporary.
/// @param oaep  RSA: OAEP with SHA-256 instead of PKCS#1 v1.5
Result<std::string> wrap_key(const Certificate& recipient, bool oaep, std::string_view content_key);

}  // namespace direct::cms
