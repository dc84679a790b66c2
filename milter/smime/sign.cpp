// sign.cpp - an entity becomes multipart/signed; see smime.h.
//
// The content is hashed where it stands and only its digest goes through OpenSSL's CMS, so the message is
// neither copied through BIOs nor put together anew.
#include <openssl/objects.h>

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/smime/algorithms.h"
#include "milter/smime/gate.h"
#include "milter/smime/smime.h"

namespace direct {
namespace {

using Capabilities = Handle<STACK_OF(X509_ALGOR),
                            [](STACK_OF(X509_ALGOR) * s) { sk_X509_ALGOR_pop_free(s, X509_ALGOR_free); }>;

Fault cannot_sign()
{
    return temporary("cannot sign: " + ossl::take_errors());
}

Result<std::string> digest_of(const Pieces& pieces, const EVP_MD* md)
{
    ossl::Digest ctx(EVP_MD_CTX_new());
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool ok = ctx && EVP_DigestInit_ex(ctx.get(), md, nullptr) == 1;
    for (auto piece : pieces) ok = ok && EVP_DigestUpdate(ctx.get(), piece.data(), piece.size()) == 1;
    if (!ok || EVP_DigestFinal_ex(ctx.get(), out, &n) != 1) return fail(cannot_sign());
    return std::string(reinterpret_cast<char*>(out), n);
}

/// AES only, strongest first: what we read and what a partner should choose from.
bool add_capabilities(CMS_SignerInfo* signer)
{
    STACK_OF(X509_ALGOR)* list = nullptr;
    bool ok = true;
    for (int nid : {NID_aes_256_gcm, NID_aes_128_gcm, NID_aes_256_cbc, NID_aes_192_cbc, NID_aes_128_cbc})
        ok = ok && CMS_add_simple_smimecap(&list, nid, -1) == 1;
    Capabilities owner(list);
    return ok && CMS_add_smimecap(signer, list) == 1;
}

bool add_certificates(CMS_ContentInfo* cms, const OwnKey& key)
{
    if (CMS_add1_cert(cms, key.certificate.x509()) != 1) return false;
    std::vector<Certificate> sent{key.certificate};
    for (const auto& c : key.chain) {
        if (std::find(sent.begin(), sent.end(), c) != sent.end()) continue;
        if (CMS_add1_cert(cms, c.x509()) != 1) return false;
        sent.push_back(c);
    }
    return true;
}

Result<std::string> detached_signature(const std::string& digest, const OwnKey& key, const EVP_MD* md,
                                       KeyOperationGate& gate)
{
    constexpr unsigned flags = CMS_PARTIAL | CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS;
    ossl::Cms cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags));
    CMS_SignerInfo* signer =
        cms ? CMS_add1_signer(cms.get(), key.certificate.x509(), key.key.get(), md, flags) : nullptr;
    ASN1_OBJECT* type = OBJ_nid2obj(NID_pkcs7_data);
    if (!signer || !add_certificates(cms.get(), key) || !add_capabilities(signer) ||
        CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_contentType, V_ASN1_OBJECT, type, -1) != 1 ||
        CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest.data(),
                                    int(digest.size())) != 1)
        return fail(cannot_sign());
    {
        cms::InGate in(gate);
        if (!in.status()) return fail(in.status().error());
        if (CMS_SignerInfo_sign(signer) != 1) return fail(cannot_sign());
    }
    unsigned char* der = nullptr;
    int n = i2d_CMS_ContentInfo(cms.get(), &der);
    if (n <= 0) return fail(cannot_sign());
    std::string out(reinterpret_cast<char*>(der), std::size_t(n));
    OPENSSL_free(der);
    return out;
}

SignedFrame frame_of(std::string_view signature, std::string_view micalg)
{
    std::string boundary = "direct-" + hex(random_bytes(20));
    SignedFrame out;
    out.before = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=";
    out.before += micalg;
    out.before += ";\r\n boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n";
    out.after = "\r\n--" + boundary + "\r\n";
    out.after +=
        "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n";
    out.after += base64(signature, 76);
    out.after += "\r\n--" + boundary + "--\r\n";
    return out;
}

}  // namespace

Result<SignedFrame> sign_entity(const Pieces& entity, const OwnKey& key, std::string_view digest,
                                KeyOperationGate& gate)
{
    const auto* algorithm = cms::digest_by_name(digest);
    if (!algorithm || algorithm->weak)
        return fail(temporary("signing digest is not taken: " + std::string(digest)));
    // Whoever carries the mail on would change the line ends, and the signature would be broken.
    if (!std::all_of(entity.begin(), entity.end(), is_canonical_crlf))
        return fail(temporary("what is to be signed has other line ends than CRLF"));
    TRY(std::string hash, digest_of(entity, algorithm->evp()));
    TRY(std::string signature, detached_signature(hash, key, algorithm->evp(), gate));
    ossl::take_errors();
    return frame_of(signature, algorithm->micalg);
}

}  // namespace direct
