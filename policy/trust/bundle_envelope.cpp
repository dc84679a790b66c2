// bundle_envelope.cpp - see bundle_envelope.h.
#include "policy/trust/bundle_envelope.h"

#include <openssl/objects.h>

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct::bundle {
namespace {

bool is_base64(std::string_view line)
{
    return !line.empty() && std::all_of(line.begin(), line.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/' || c == '=';
    });
}

ossl::Cms parse(std::string_view der)
{
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = p + der.size();
    ossl::Cms cms(d2i_CMS_ContentInfo(nullptr, &p, long(der.size())));
    // Some servers add a line end. Anything else behind it is no part of what was published.
    bool whole = cms && std::all_of(p, end, [](unsigned char c) { return c == '\r' || c == '\n'; });
    if (whole && OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) whole = false;
    ossl::take_errors();
    if (!whole) cms.reset();
    return cms;
}

/// The lines of the first PEM block that may hold a bundle; else the first run of base64 lines that begins as
/// DER and BER do ("MI"). Empty: neither.
std::string base64_in(std::string_view text)
{
    static constexpr std::string_view labels[] = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA"};
    std::string_view body = text;
    bool armoured = false;
    for (auto label : labels) {
        auto begin = "-----BEGIN " + std::string(label) + "-----",
             end = "-----END " + std::string(label) + "-----";
        auto from = text.find(begin);
        if (from == text.npos) continue;
        auto to = text.find(end, from);
        if (to == text.npos) return "";
        body = text.substr(from + begin.size(), to - from - begin.size());
        armoured = true;
        break;
    }
    std::string out;
    for (auto line : split(body, '\n')) {
        line = trim(line);
        if (!is_base64(line)) {
            if (!out.empty() && !armoured) break;
            continue;
        }
        // Without armour a word of the text around could begin so; a line of a bundle is longer.
        if (out.empty() && (!line.starts_with("MI") || (!armoured && line.size() < 40))) continue;
        out += line;
    }
    return out;
}

const char* digest_name(const X509_ALGOR* algorithm)
{
    const ASN1_OBJECT* oid = nullptr;
    X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
    switch (OBJ_obj2nid(oid)) {
        case NID_sha256:
            return "SHA256";
        case NID_sha384:
            return "SHA384";
        case NID_sha512:
            return "SHA512";
        default:
            return nullptr;
    }
}

std::string digest_of(std::string_view content, const char* name)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    std::size_t n = 0;
    if (EVP_Q_digest(nullptr, name, nullptr, content.data(), content.size(), out, &n) != 1) return "";
    return {reinterpret_cast<char*>(out), n};
}

/// The promised digest among the signed attributes is that of the content, and so is its type.
bool attributes_fit(CMS_ContentInfo* cms, CMS_SignerInfo* si, std::string_view content, const char* digest)
{
    const auto* promised = static_cast<const ASN1_OCTET_STRING*>(
        CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING));
    const auto* type = static_cast<const ASN1_OBJECT*>(
        CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT));
    if (!promised || !type || OBJ_cmp(type, CMS_get0_eContentType(cms)) != 0) return false;
    auto actual = digest_of(content, digest);
    std::string_view said(reinterpret_cast<const char*>(ASN1_STRING_get0_data(promised)),
                          std::size_t(ASN1_STRING_length(promised)));
    return !actual.empty() && said == actual;
}

/// Without signed attributes the signature stands over the content itself.
bool plain_signature_fits(CMS_SignerInfo* si, const Certificate& signer, std::string_view content,
                          const char* digest)
{
    const ASN1_OCTET_STRING* signature = CMS_SignerInfo_get0_signature(si);
    ossl::Digest ctx(EVP_MD_CTX_new());
    return ctx && signature &&
           EVP_DigestVerifyInit_ex(ctx.get(), nullptr, digest, nullptr, nullptr,
                                   X509_get0_pubkey(signer.x509()), nullptr) == 1 &&
           EVP_DigestVerify(ctx.get(), ASN1_STRING_get0_data(signature),
                            std::size_t(ASN1_STRING_length(signature)),
                            reinterpret_cast<const unsigned char*>(content.data()), content.size()) == 1;
}

Status check_signer(const Certificate& c, Time now)
{
    auto what = "the signer " + c.subject();
    if (now > c.not_after())
        return fail(refuse(Reason::expired, what + " expired on " + iso8601(c.not_after())));
    if (now < c.not_before())
        return fail(refuse(Reason::not_yet_valid, what + " is not valid before " + iso8601(c.not_before())));
    if (!c.strong_key()) return fail(refuse(Reason::weak_key, what + " has a key that is too weak"));
    if (!c.may_sign()) return fail(refuse(Reason::bad_usage, what + " may not sign (key usage)"));
    return Done{};
}

Status check_one(CMS_ContentInfo* cms, CMS_SignerInfo* si, std::string_view content,
                 const Certificate& signer, Time now)
{
    X509_ALGOR* algorithm = nullptr;
    CMS_SignerInfo_get0_algs(si, nullptr, nullptr, &algorithm, nullptr);
    const char* digest = digest_name(algorithm);
    if (!digest)
        return fail(refuse(Reason::weak_algorithm, "signed with a digest that is not taken (SHA-1, MD5)"));
    CHECK(check_signer(signer, now));
    CMS_SignerInfo_set1_signer_cert(si, signer.x509());
    bool fits = CMS_signed_get_attr_count(si) < 0
                    ? plain_signature_fits(si, signer, content, digest)
                    : attributes_fit(cms, si, content, digest) && CMS_SignerInfo_verify(si) == 1;
    ossl::take_errors();
    if (!fits)
        return fail(refuse(Reason::bad_signature, "the signature of " + signer.subject() + " does not fit"));
    return Done{};
}

}  // namespace

ossl::Cms open(std::string_view bytes)
{
    while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes.remove_prefix(1);
    if (bytes.size() < 16) return {};
    // A SEQUENCE of 128 bytes or more: no text begins so.
    if (bytes[0] == '\x30' && static_cast<unsigned char>(bytes[1]) >= 0x80) return parse(bytes);
    auto der = unbase64(base64_in(bytes));
    return der && der->size() >= 16 ? parse(*der) : ossl::Cms();
}

std::optional<std::string> content(CMS_ContentInfo* signed_data)
{
    ASN1_OCTET_STRING** held = CMS_get0_content(signed_data);
    ossl::take_errors();
    if (!held || !*held) return {};
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(*held)),
                       std::size_t(ASN1_STRING_length(*held)));
}

std::size_t signatures(CMS_ContentInfo* signed_data)
{
    int n = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(signed_data));
    ossl::take_errors();
    return n > 0 ? std::size_t(n) : 0;
}

Result<std::string> verified_signer(CMS_ContentInfo* signed_data, std::string_view content,
                                    const std::vector<Certificate>& signers, Time now, std::size_t max)
{
    STACK_OF(CMS_SignerInfo)* infos = CMS_get0_SignerInfos(signed_data);
    if (signatures(signed_data) > max)
        return fail(refuse(Reason::too_large, "more than " + std::to_string(max) + " signatures"));
    Fault why = refuse(Reason::bad_signature, "signed, but not by a configured signer");
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); ++i) {
        CMS_SignerInfo* si = sk_CMS_SignerInfo_value(infos, i);
        for (const auto& signer : signers) {
            if (CMS_SignerInfo_cert_cmp(si, signer.x509()) != 0) continue;
            auto good = check_one(signed_data, si, content, signer, now);
            if (good) return signer.fingerprint();
            why = good.error();
        }
    }
    ossl::take_errors();
    return fail(why);
}

}  // namespace direct::bundle
