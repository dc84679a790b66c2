// algorithms.h - the one list of algorithms we take and make, for both directions.
//
// What does not stand here is refused: DES, 3DES, RC2, MD5, unknown curves and key derivations.
// OIDs are the content octets of their DER encoding. Static data, thread safe.
// Source: requirements C1-C9; RFC 5754, 5084, 5753, 8017; reference-behaviour hole 4.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "milter/base/openssl.h"

namespace direct::cms {

namespace oids {
using namespace std::string_view_literals;
inline constexpr auto data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;
inline constexpr auto signed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;
inline constexpr auto enveloped_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"sv;
inline constexpr auto auth_enveloped_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"sv;
inline constexpr auto compressed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"sv;
inline constexpr auto content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"sv;
inline constexpr auto message_digest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"sv;
inline constexpr auto rsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;
inline constexpr auto rsa_oaep = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07"sv;
inline constexpr auto mgf1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"sv;
inline constexpr auto rsa_pss = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv;
inline constexpr auto ec_public_key = "\x2a\x86\x48\xce\x3d\x02\x01"sv;
inline constexpr auto ecdh_sha256 = "\x2b\x81\x04\x01\x0b\x01"sv;
}  // namespace oids

/// An AlgorithmIdentifier: OID and the whole parameters element ("" when absent).
struct Algorithm {
    std::string_view oid, parameters;
};
/// From a whole AlgorithmIdentifier element.
std::optional<Algorithm> read_algorithm(std::string_view whole);

struct ContentCipher {
    const char* name;  ///< "aes-256-cbc"
    std::string_view oid;
    std::size_t key_size;
    bool gcm;
    const EVP_CIPHER* (*evp)();
};
const ContentCipher* cipher_by_oid(std::string_view oid);
const ContentCipher* cipher_by_name(std::string_view name);

struct DigestAlgorithm {
    const char* name;    ///< "sha256"
    const char* micalg;  ///< "sha-256" (RFC 8551 section 3.5.3.2)
    std::string_view oid;
    bool weak;  ///< SHA-1: only where a partner's exception allows it
    const EVP_MD* (*evp)();
};
const DigestAlgorithm* digest_by_oid(std::string_view oid);
const DigestAlgorithm* digest_by_name(std::string_view name);

/// A signature algorithm's OID: what kind of key it wants and, where the OID says so, which digest.
struct SignatureAlgorithm {
    enum Kind : unsigned char { rsa_pkcs1, rsa_pss, ecdsa } kind;
    const char* digest;  ///< nullptr: not said by the OID
};
std::optional<SignatureAlgorithm> signature_by_oid(std::string_view oid);

/// Key agreement: the digest of the X9.63 derivation, by scheme (standard and cofactor are the same on our curves).
const DigestAlgorithm* agreement_digest(std::string_view scheme_oid);

struct KeyWrap {
    std::string_view oid;
    std::size_t key_size;
    const EVP_CIPHER* (*evp)();
};
const KeyWrap* key_wrap_by_oid(std::string_view oid);
const KeyWrap& key_wrap_of_size(std::size_t key_size);  ///< 16 or 32

/// Dotted text of an OID for the admin.
std::string dotted(std::string_view oid);

}  // namespace direct::cms
