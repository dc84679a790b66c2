// sign.cpp - an entity becomes multipart/signed; see smime.h.
//
// The content is hashed from the caller's bytes and only its digest goes through OpenSSL's CMS, so the
// message is not copied through BIOs.
#include <openssl/objects.h>

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

Result<std::string> digest_of(std::string_view bytes, const EVP_MD* md)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), out, &n, md, nullptr) != 1) return fail(cannot_sign());
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

std::string assemble(std::string_view entity, std::string_view signature, std::string_view micalg)
{
    std::string boundary = "direct-" + hex(random_bytes(20));
    std::string body = base64(signature, 76);
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.pop_back();
    std::string out;
    out.reserve(entity.size() + body.size() + 1024);
    out += "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=";
    out += micalg;
    out += ";\r\n boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n";
    out += entity;
    out += "\r\n--" + boundary + "\r\n";
    out +=
        "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n";
    out += body;
    out += "\r\n--" + boundary + "--\r\n";
    return out;
}

}  // namespace

Result<std::string> sign_entity(std::string_view entity, const OwnKey& key, std::string_view digest,
                                KeyOperationGate& gate)
{
    const auto* algorithm = cms::digest_by_name(digest);
    if (!algorithm || algorithm->weak)
        return fail(temporary("signing digest is not taken: " + std::string(digest)));
    std::string canonical;
    if (!is_canonical_crlf(entity)) {
        canonical = to_crlf(entity);
        entity = canonical;
    }
    TRY(std::string hash, digest_of(entity, algorithm->evp()));
    TRY(std::string signature, detached_signature(hash, key, algorithm->evp(), gate));
    ossl::take_errors();
    return assemble(entity, signature, algorithm->micalg);
}

}  // namespace direct
