// verify.cpp - every signer of a SignedData, each judged alone; no trust decision.
//
// The content is hashed once for each digest in use, from the caller's bytes. Certificates come from the
// cache, so a known partner costs no parsing; those that did not sign are parsed only after a signature fits.
#include <openssl/rsa.h>

#include <algorithm>
#include <map>
#include <set>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/smime/signed_data.h"
#include "milter/smime/smime.h"

namespace direct {
namespace {

using cms::SignatureAlgorithm;
using cms::SignedData;
using cms::SignerEntry;

const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

/// Hashes of one content, each made when first asked for.
class Hashes {
public:
    virtual ~Hashes() = default;
    const std::string& of(const cms::DigestAlgorithm& digest)
    {
        auto [it, fresh] = made_.try_emplace(&digest);
        if (!fresh) return it->second;
        ossl::Digest ctx(EVP_MD_CTX_new());
        unsigned char out[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        bool ok = ctx && EVP_DigestInit_ex(ctx.get(), digest.evp(), nullptr) == 1 && feed(ctx.get()) &&
                  EVP_DigestFinal_ex(ctx.get(), out, &n) == 1;
        // An empty hash equals nothing that is promised.
        if (ok) it->second.assign(reinterpret_cast<char*>(out), n);
        return it->second;
    }
    virtual char first_byte() const = 0;

private:
    virtual bool feed(EVP_MD_CTX* ctx) const = 0;
    std::map<const cms::DigestAlgorithm*, std::string> made_;
};

class TextHashes : public Hashes {
public:
    explicit TextHashes(std::string_view text) : text_(text) {}
    char first_byte() const override { return text_.empty() ? '\0' : text_[0]; }

private:
    bool feed(EVP_MD_CTX* ctx) const override
    {
        return EVP_DigestUpdate(ctx, text_.data(), text_.size()) == 1;
    }
    std::string_view text_;
};

class PieceHashes : public Hashes {
public:
    explicit PieceHashes(const ber::Element& string) : string_(string) {}
    char first_byte() const override
    {
        char first = '\0';
        ber::each_piece(string_, [&](std::string_view piece) {
            if (!piece.empty()) first = piece[0];
            return piece.empty();
        });
        return first;
    }

private:
    bool feed(EVP_MD_CTX* ctx) const override
    {
        return ber::each_piece(string_, [&](std::string_view piece) {
            return EVP_DigestUpdate(ctx, piece.data(), piece.size()) == 1;
        });
    }
    const ber::Element& string_;
};

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

bool mathematics(const SignerEntry& signer, const SignatureAlgorithm& algorithm,
                 const cms::DigestAlgorithm& digest, const Certificate& certificate, std::string_view hash)
{
    EVP_PKEY* key = X509_get0_pubkey(certificate.x509());
    if (!key || hash.empty() || !fits_key(algorithm.kind, key)) return false;
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
                                       Hashes& content, std::string& detail)
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
    return TextHashes(*encoded).of(digest);
}

void judge_signer(Signer& out, const SignerEntry& signer, Hashes& content, bool allow_sha1)
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
    if (!mathematics(signer, *algorithm, *digest, *out.certificate, *hash)) {
        out.detail = "the signature does not fit";
        return;
    }
    out.content_digest = content.of(*digest);
    out.reason = digest->weak && !allow_sha1 ? Reason::weak_algorithm : Reason::accepted;
    if (digest->weak) out.detail = allow_sha1 ? "SHA-1, allowed for this partner" : "SHA-1";
}

/// Certificates of the CMS, found by what a signer says of itself.
class Brought {
public:
    Brought(const SignedData& data, CertificateCache& cache) : data_(data), cache_(cache) {}

    std::optional<Certificate> find(const cms::Identifier& who)
    {
        for (std::string_view der : data_.certificates) {
            if (who.key_id.empty() && !names(der, who)) continue;
            const auto& c = parsed(der);
            if (c && (who.key_id.empty() || c->key_id() == who.key_id)) return c;
        }
        return {};
    }

    std::vector<Certificate> all()
    {
        std::vector<Certificate> out;
        for (std::string_view der : data_.certificates)
            if (const auto& c = parsed(der)) out.push_back(*c);
        return out;
    }

private:
    const std::optional<Certificate>& parsed(std::string_view der)
    {
        auto [it, fresh] = parsed_.try_emplace(der.data());
        if (fresh)
            if (auto c = cache_.get(der)) it->second = *std::move(c);
        return it->second;
    }

    /// Issuer and serial number out of the DER, without the cost of parsing the certificate.
    static bool names(std::string_view der, const cms::Identifier& who)
    {
        auto certificate = ber::Reader(der).next(ber::sequence);
        auto body = certificate ? ber::Reader(certificate->content).next(ber::sequence) : std::nullopt;
        if (!body) return false;
        ber::Reader r(body->content);
        r.maybe(ber::tagged(0));
        auto serial = r.next(ber::integer);
        auto issuer = serial && r.next(ber::sequence) ? r.next(ber::sequence) : std::nullopt;
        return issuer && serial->content == who.serial && issuer->whole == who.issuer;
    }

    const SignedData& data_;
    CertificateCache& cache_;
    std::map<const char*, std::optional<Certificate>> parsed_;
};

void judge_all(Verified& out, const SignedData& data, Hashes& content, Brought& brought, bool allow_sha1)
{
    out.signers.clear();
    for (const auto& entry : data.signers) {
        Signer signer;
        signer.certificate = brought.find(entry.who);
        judge_signer(signer, entry, content, allow_sha1);
        out.signers.push_back(std::move(signer));
    }
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
    TextHashes exact(content);
    judge_all(out, data, exact, brought, allow_sha1);
    if (!any_fits(out) && !is_canonical_crlf(content)) {
        std::string canonical = to_crlf(content);
        TextHashes hashes(canonical);
        judge_all(out, data, hashes, brought, allow_sha1);
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
    PieceHashes hashes(*data.content);
    judge_all(out, data, hashes, brought, allow_sha1);
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
