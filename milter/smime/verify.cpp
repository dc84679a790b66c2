// verify.cpp - every signer of a SignedData, each judged alone; no trust decision.
//
// The content is hashed once for each digest in use, from the caller's bytes. Certificates come from the
// cache, so a known partner costs no parsing; those that did not sign are parsed only after a signature fits.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <vector>

#include "milter/base/text.h"
#include "milter/smime/brought.h"
#include "milter/smime/content_hash.h"
#include "milter/smime/smime.h"

namespace direct {
namespace {

using cms::Brought;
using cms::ContentHash;
using cms::SignatureAlgorithm;
using cms::SignedData;
using cms::SignerEntry;

// Signatures that are tried by mathematics for one message; honest mail has one to four. Who packs a
// thousand signers into it gets no more work out of us than this.
constexpr int attempts_max = 32;
constexpr int key_bits_max = 8192;
constexpr int exponent_bits_max = 64;

const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

/// Digest names of the parameters of RSASSA-PSS; the defaults are SHA-1 and 20.
struct Pss {
    const cms::DigestAlgorithm* digest = cms::digest_by_name("sha1");
    const cms::DigestAlgorithm* mask = cms::digest_by_name("sha1");
    int salt = 20;
};

const cms::DigestAlgorithm* digest_of(std::string_view algorithm)
{
    auto a = cms::read_algorithm(algorithm);
    return a ? cms::digest_by_oid(a->oid) : nullptr;
}

std::optional<Pss> read_pss(std::string_view parameters)
{
    Pss out;
    auto sequence = ber::Reader(parameters).next(ber::sequence);
    if (!sequence) return {};
    ber::Reader r(sequence->content);
    if (auto hash = r.maybe(ber::tagged(0))) out.digest = digest_of(hash->content);
    if (auto mask = r.maybe(ber::tagged(1))) {
        auto function = cms::read_algorithm(mask->content);
        out.mask = function && function->oid == cms::oids::mgf1 ? digest_of(function->parameters) : nullptr;
    }
    if (auto salt = r.maybe(ber::tagged(2))) {
        auto number = ber::Reader(salt->content).next(ber::integer);
        if (!number || number->content.empty() || number->content.size() > 2 || number->content[0] < 0)
            return {};
        out.salt = 0;
        for (char c : number->content) out.salt = out.salt << 8 | static_cast<unsigned char>(c);
    }
    r.maybe(ber::tagged(3));  // trailer field: there is only one value
    if (!out.digest || !out.mask || !r.at_end()) return {};
    return out;
}

bool set_padding(EVP_PKEY_CTX* ctx, const SignerEntry& signer, SignatureAlgorithm::Kind kind,
                 const cms::DigestAlgorithm& digest)
{
    if (kind == SignatureAlgorithm::ecdsa) return true;
    if (kind == SignatureAlgorithm::rsa_pkcs1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    auto pss = read_pss(signer.signature_algorithm.parameters);
    // RFC 4056 section 3: the hash of PSS is that of the content.
    return pss && pss->digest == &digest && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, pss->mask->evp()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, pss->salt) == 1;
}

bool fits_key(SignatureAlgorithm::Kind kind, EVP_PKEY* key)
{
    int id = EVP_PKEY_get_base_id(key);
    if (kind == SignatureAlgorithm::ecdsa) return id == EVP_PKEY_EC;
    return id == EVP_PKEY_RSA || (id == EVP_PKEY_RSA_PSS && kind == SignatureAlgorithm::rsa_pss);
}

/// Nobody in the field has a larger key, and with one a single signature costs milliseconds: RSA above 8192
/// bits, or with a public exponent above 64 bits (OpenSSL itself refuses that one above 3072 bits only).
bool costs_too_much(EVP_PKEY* key)
{
    if (EVP_PKEY_get_bits(key) > key_bits_max) return true;
    BIGNUM* exponent = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
    int bits = BN_num_bits(exponent);
    BN_free(exponent);
    return bits > exponent_bits_max;
}

bool mathematics(const SignerEntry& signer, const SignatureAlgorithm& algorithm,
                 const cms::DigestAlgorithm& digest, const Certificate& certificate, std::string_view hash)
{
    EVP_PKEY* key = X509_get0_pubkey(certificate.x509());
    if (!key || hash.empty() || !fits_key(algorithm.kind, key) || costs_too_much(key)) {
        ossl::take_errors();
        return false;
    }
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new(key, nullptr));
    bool ok = ctx && EVP_PKEY_verify_init(ctx.get()) == 1 &&
              set_padding(ctx.get(), signer, algorithm.kind, digest) &&
              EVP_PKEY_CTX_set_signature_md(ctx.get(), digest.evp()) == 1 &&
              EVP_PKEY_verify(ctx.get(), bytes(signer.signature), signer.signature.size(), bytes(hash),
                              hash.size()) == 1;
    ossl::take_errors();
    return ok;
}

/// The hash that was signed: of the attributes when there are any, of the content otherwise.
std::optional<std::string> signed_hash(const SignerEntry& signer, const cms::DigestAlgorithm& digest,
                                       ContentHash& content, std::string& detail)
{
    if (!signer.attributes) {
        // Attributes of one signature could be shown as the content of another without any; mail does not
        // begin with the tag of a set.
        if (content.first_byte() == char(ber::set)) {
            detail = "content looks like signed attributes";
            return {};
        }
        return content.of(digest);
    }
    auto promised = cms::promised_digest(*signer.attributes);
    if (!promised) {
        detail = "signed attributes lack contentType or messageDigest, or have them twice";
        return {};
    }
    if (content.of(digest).empty() || *promised != content.of(digest)) {
        detail = "the content's digest is another";
        return {};
    }
    auto encoded = cms::attributes_to_hash(*signer.attributes);
    if (!encoded) return {};
    return cms::TextHash(*encoded).of(digest);
}

/// @param attempts  counts signatures tried
void judge_signer(Signer& out, const SignerEntry& signer, ContentHash& content, bool allow_sha1,
                  int& attempts)
{
    auto* digest = cms::digest_by_oid(signer.digest.oid);
    auto algorithm = cms::signature_by_oid(signer.signature_algorithm.oid);
    out.digest = digest ? digest->name : cms::dotted(signer.digest.oid);
    if (!digest || !algorithm) {
        // MD5 too: without the mathematics nothing has verified, and the peer must not be told more.
        out.detail =
            "algorithm is not taken: " + (digest ? cms::dotted(signer.signature_algorithm.oid) : out.digest);
        return;
    }
    if (algorithm->digest && std::string_view(algorithm->digest) != digest->name) {
        out.detail = "digest and signature algorithm contradict each other";
        return;
    }
    if (!out.certificate) {
        out.reason = Reason::no_sender_certificate;
        out.detail = "the signature does not bring its certificate";
        return;
    }
    auto hash = signed_hash(signer, *digest, content, out.detail);
    if (!hash) return;
    if (++attempts > attempts_max) {
        out.detail = "not tried: too many signatures before it";
        return;
    }
    if (!mathematics(signer, *algorithm, *digest, *out.certificate, *hash)) {
        out.detail = "the signature does not fit";
        return;
    }
    out.reason = digest->weak && !allow_sha1 ? Reason::weak_algorithm : Reason::accepted;
    if (digest->weak) out.detail = allow_sha1 ? "SHA-1, allowed for this partner" : "SHA-1";
}

Status judge_all(Verified& out, const SignedData& data, ContentHash& content, Brought& brought,
                 bool allow_sha1)
{
    out.signers.clear();
    int attempts = 0;
    for (const auto& entry : data.signers) {
        Signer signer;
        signer.certificate = brought.find(entry.who);
        judge_signer(signer, entry, content, allow_sha1, attempts);
        out.signers.push_back(std::move(signer));
    }
    if (!out.any_good()) return Done{};
    out.content_sha256 = content.of(*cms::digest_by_name("sha256"));
    return out.content_sha256.empty() ? fail(temporary("SHA-256 could not be made")) : Status(Done{});
}

/// The mathematics of one fits, be its algorithm weak or not.
bool any_fits(const Verified& v)
{
    return std::any_of(v.signers.begin(), v.signers.end(), [](const Signer& s) {
        return s.reason == Reason::accepted || (s.reason == Reason::weak_algorithm && s.certificate);
    });
}

}  // namespace

bool Verified::any_good() const
{
    return std::any_of(signers.begin(), signers.end(),
                       [](const Signer& s) { return s.reason == Reason::accepted; });
}

Result<Verified> verify_detached(std::string_view content, std::string_view signature_der,
                                 const CmsLimits& limits, CertificateCache& cache, bool allow_sha1)
{
    TRY(SignedData data, cms::read_signed_data(signature_der, limits.infos));
    if (data.content)
        return fail(refuse(Reason::malformed, "the detached signature brings a content of its own"));
    Brought brought(data, cache);
    Verified out;
    cms::TextHash exact(content);
    CHECK(judge_all(out, data, exact, brought, allow_sha1));
    if (!any_fits(out) && !is_canonical_crlf(content)) {
        cms::CanonicalHash hashes(content);
        CHECK(judge_all(out, data, hashes, brought, allow_sha1));
    }
    if (any_fits(out)) out.certificates = brought.all();
    return out;
}

Result<Verified> verify_opaque(std::string_view der, const CmsLimits& limits, CertificateCache& cache,
                               bool allow_sha1)
{
    TRY(SignedData data, cms::read_signed_data(der, limits.infos));
    if (!data.content) return fail(refuse(Reason::malformed, "the opaque signature has no content"));
    Brought brought(data, cache);
    Verified out;
    cms::PieceHash hashes(*data.content);
    CHECK(judge_all(out, data, hashes, brought, allow_sha1));
    if (any_fits(out)) out.certificates = brought.all();
    std::size_t size = 0;
    ber::each_piece(*data.content, [&](std::string_view piece) {
        size += piece.size();
        return true;
    });
    out.content.reserve(size);
    bool whole = ber::each_piece(*data.content, [&](std::string_view piece) {
        out.content += piece;
        return true;
    });
    if (!whole) return fail(refuse(Reason::malformed, "the opaque signature's content cannot be read"));
    return out;
}

Result<std::string> cms_kind(std::string_view der)
{
    TRY(auto info, cms::read_content_info(der));
    if (info.type == cms::oids::enveloped_data) return std::string("enveloped");
    if (info.type == cms::oids::auth_enveloped_data) return std::string("auth-enveloped");
    if (info.type == cms::oids::signed_data) return std::string("signed");
    if (info.type == cms::oids::compressed_data) return std::string("compressed");
    if (info.type == cms::oids::data) return std::string("data");
    return std::string("other");
}

}  // namespace direct
