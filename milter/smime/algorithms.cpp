// algorithms.cpp - the tables behind algorithms.h.
#include "milter/smime/algorithms.h"

#include <array>

#include "milter/smime/ber.h"

namespace direct::cms {
namespace {

using namespace std::string_view_literals;

#define AES_OID(last) "\x60\x86\x48\x01\x65\x03\x04\x01" last ""sv
constexpr std::array ciphers{
    ContentCipher{"aes-128-cbc", AES_OID("\x02"), 16, false, EVP_aes_128_cbc},
    ContentCipher{"aes-192-cbc", AES_OID("\x16"), 24, false, EVP_aes_192_cbc},
    ContentCipher{"aes-256-cbc", AES_OID("\x2a"), 32, false, EVP_aes_256_cbc},
    ContentCipher{"aes-128-gcm", AES_OID("\x06"), 16, true, EVP_aes_128_gcm},
    ContentCipher{"aes-192-gcm", AES_OID("\x1a"), 24, true, EVP_aes_192_gcm},
    ContentCipher{"aes-256-gcm", AES_OID("\x2e"), 32, true, EVP_aes_256_gcm},
};

constexpr std::array key_wraps{
    KeyWrap{AES_OID("\x05"), 16, EVP_aes_128_wrap},
    KeyWrap{AES_OID("\x19"), 24, EVP_aes_192_wrap},
    KeyWrap{AES_OID("\x2d"), 32, EVP_aes_256_wrap},
};

#define SHA2_OID(last) "\x60\x86\x48\x01\x65\x03\x04\x02" last ""sv
constexpr std::array digests{
    DigestAlgorithm{"sha256", "sha-256", SHA2_OID("\x01"), false, EVP_sha256},
    DigestAlgorithm{"sha384", "sha-384", SHA2_OID("\x02"), false, EVP_sha384},
    DigestAlgorithm{"sha512", "sha-512", SHA2_OID("\x03"), false, EVP_sha512},
    DigestAlgorithm{"sha1", "sha-1", "\x2b\x0e\x03\x02\x1a"sv, true, EVP_sha1},
};

struct SignatureRow {
    std::string_view oid;
    SignatureAlgorithm algorithm;
};
#define PKCS1_OID(last) "\x2a\x86\x48\x86\xf7\x0d\x01\x01" last ""sv
#define ECDSA2_OID(last) "\x2a\x86\x48\xce\x3d\x04\x03" last ""sv
constexpr std::array signatures{
    SignatureRow{oids::rsa, {SignatureAlgorithm::rsa_pkcs1, nullptr}},
    SignatureRow{PKCS1_OID("\x05"), {SignatureAlgorithm::rsa_pkcs1, "sha1"}},
    SignatureRow{PKCS1_OID("\x0b"), {SignatureAlgorithm::rsa_pkcs1, "sha256"}},
    SignatureRow{PKCS1_OID("\x0c"), {SignatureAlgorithm::rsa_pkcs1, "sha384"}},
    SignatureRow{PKCS1_OID("\x0d"), {SignatureAlgorithm::rsa_pkcs1, "sha512"}},
    SignatureRow{oids::rsa_pss, {SignatureAlgorithm::rsa_pss, nullptr}},
    SignatureRow{oids::ec_public_key, {SignatureAlgorithm::ecdsa, nullptr}},
    SignatureRow{"\x2a\x86\x48\xce\x3d\x04\x01"sv, {SignatureAlgorithm::ecdsa, "sha1"}},
    SignatureRow{ECDSA2_OID("\x02"), {SignatureAlgorithm::ecdsa, "sha256"}},
    SignatureRow{ECDSA2_OID("\x03"), {SignatureAlgorithm::ecdsa, "sha384"}},
    SignatureRow{ECDSA2_OID("\x04"), {SignatureAlgorithm::ecdsa, "sha512"}},
};

// SECG: dhSinglePass-stdDH is arc 11, -cofactorDH arc 14; SHA-256, 384, 512 are 1, 2, 3 below both.
// The SHA-1 scheme is ANSI's. It only mixes a fresh secret, where collisions do not matter.
struct AgreementRow {
    std::string_view oid;
    const char* digest;
};
constexpr std::array agreements{
    AgreementRow{oids::ecdh_sha256, "sha256"},
    AgreementRow{"\x2b\x81\x04\x01\x0b\x02"sv, "sha384"},
    AgreementRow{"\x2b\x81\x04\x01\x0b\x03"sv, "sha512"},
    AgreementRow{"\x2b\x81\x04\x01\x0e\x01"sv, "sha256"},
    AgreementRow{"\x2b\x81\x04\x01\x0e\x02"sv, "sha384"},
    AgreementRow{"\x2b\x81\x04\x01\x0e\x03"sv, "sha512"},
    AgreementRow{"\x2b\x81\x05\x10\x86\x48\x3f\x00\x02"sv, "sha1"},
    AgreementRow{"\x2b\x81\x05\x10\x86\x48\x3f\x00\x03"sv, "sha1"},
};

template <class Rows>
auto* by_oid(const Rows& rows, std::string_view oid)
{
    for (const auto& row : rows)
        if (row.oid == oid) return &row;
    return static_cast<decltype(&rows[0])>(nullptr);
}

template <class Rows>
auto* by_name(const Rows& rows, std::string_view name)
{
    for (const auto& row : rows)
        if (row.name == name) return &row;
    return static_cast<decltype(&rows[0])>(nullptr);
}

}  // namespace

std::optional<Algorithm> read_algorithm(std::string_view whole)
{
    ber::Reader outer(whole);
    auto sequence = outer.next(ber::sequence);
    if (!sequence || !outer.at_end()) return {};
    ber::Reader inner(sequence->content);
    auto oid = inner.next(ber::oid);
    if (!oid) return {};
    Algorithm a{oid->content, {}};
    if (inner.at_end()) return a;
    auto parameters = inner.next();
    if (!parameters || !inner.at_end()) return {};
    a.parameters = parameters->whole;
    return a;
}

const ContentCipher* cipher_by_oid(std::string_view oid)
{
    return by_oid(ciphers, oid);
}
const ContentCipher* cipher_by_name(std::string_view name)
{
    return by_name(ciphers, name);
}
const DigestAlgorithm* digest_by_oid(std::string_view oid)
{
    return by_oid(digests, oid);
}
const DigestAlgorithm* digest_by_name(std::string_view name)
{
    return by_name(digests, name);
}
const KeyWrap* key_wrap_by_oid(std::string_view oid)
{
    return by_oid(key_wraps, oid);
}

const KeyWrap& key_wrap_of_size(std::size_t key_size)
{
    return key_size == 16 ? key_wraps[0] : key_size == 24 ? key_wraps[1] : key_wraps[2];
}

std::optional<SignatureAlgorithm> signature_by_oid(std::string_view oid)
{
    if (auto* row = by_oid(signatures, oid)) return row->algorithm;
    return {};
}

const DigestAlgorithm* agreement_digest(std::string_view scheme_oid)
{
    auto* row = by_oid(agreements, scheme_oid);
    return row ? digest_by_name(row->digest) : nullptr;
}

std::string dotted(std::string_view oid)
{
    // Writing a long arc in decimal takes time that grows with its square.
    if (oid.size() > 64) return "unknown";
    std::string der = ber::element(ber::oid, {oid});
    auto* p = reinterpret_cast<const unsigned char*>(der.data());
    Handle<ASN1_OBJECT, &ASN1_OBJECT_free> object(d2i_ASN1_OBJECT(nullptr, &p, long(der.size())));
    char buffer[128] = "unknown";
    if (object) OBJ_obj2txt(buffer, sizeof buffer, object.get(), 0);
    ossl::take_errors();
    return buffer;
}

}  // namespace direct::cms
