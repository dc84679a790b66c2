// test_revocation.h - revocation lists and OCSP answers made on the spot, right ones and wrong ones.
#pragma once
#include <openssl/ocsp.h>

#include <functional>

#include "milter/base/text.h"
#include "tests/support/test_pki.h"

namespace direct::test {

struct CrlEntry {
    std::string serial;                             ///< content octets
    int reason = -1;                                ///< CRLReason; -1: no extension
    std::vector<std::pair<int, std::string>> more;  ///< entry extensions (NID, text)
};

struct CrlSpec {
    std::vector<CrlEntry> entries;
    int from_minutes = -60, to_minutes = 60;
    bool next_update = true;
    const char* digest = "SHA256";
    std::vector<std::pair<int, std::string>> more;  ///< list extensions (NID, text)
};

inline std::string made_der(const std::function<int(unsigned char**)>& encode)
{
    unsigned char* der = nullptr;
    int n = encode(&der);
    if (n <= 0) throw std::runtime_error("test DER: " + ossl::take_errors());
    std::string out(reinterpret_cast<char*>(der), std::size_t(n));
    OPENSSL_free(der);
    return out;
}

inline ASN1_INTEGER* serial_number(const std::string& octets)
{
    std::string der = std::string("\x02") + char(octets.size()) + octets;
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    return d2i_ASN1_INTEGER(nullptr, &p, long(der.size()));
}

/// "1.2.3" and bytes: an extension OpenSSL does not know.
inline X509_EXTENSION* strange_extension(bool critical)
{
    Handle<ASN1_OBJECT, &ASN1_OBJECT_free> oid(OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1));
    Handle<ASN1_OCTET_STRING, &ASN1_OCTET_STRING_free> value(ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>("\x05\x00"), 2);
    return X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), critical, value.get());
}

/// NID 0 stands for strange_extension; text "critical" makes it so.
inline void add_to(const std::vector<std::pair<int, std::string>>& wanted, const Issued& issuer,
                   const std::function<int(X509_EXTENSION*)>& add)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer.certificate.x509(), nullptr, nullptr, nullptr, 0);
    Handle<CONF, &NCONF_free> sections(NCONF_new(nullptr));
    for (const auto& [nid, text] : wanted) {
        // "@s @@a=b;c=d" is for extensions that insist on a section.
        std::string value = text;
        if (auto at = text.find(" @@"); at != text.npos) {
            std::string body = "[s]\n" + text.substr(at + 3);
            for (auto& c : body) c = c == ';' ? '\n' : c;
            ossl::Bio in(BIO_new_mem_buf(body.data(), int(body.size())));
            NCONF_load_bio(sections.get(), in.get(), nullptr);
            value = text.substr(0, at);
        }
        X509V3_set_nconf(&ctx, sections.get());
        Handle<X509_EXTENSION, &X509_EXTENSION_free> e(
            nid ? X509V3_EXT_nconf_nid(sections.get(), &ctx, nid, value.c_str())
                : strange_extension(text == "critical"));
        if (!e || add(e.get()) != 1) throw std::runtime_error("test extension: " + ossl::take_errors());
    }
}

/// Text of a critical certificateIssuer (RFC 5280 section 5.3.3) for an entry: CN=name.
inline std::string entry_issuer(const std::string& name)
{
    Handle<X509_NAME, &X509_NAME_free> dn(X509_NAME_new());
    add_name(dn.get(), NID_commonName, name);
    Handle<GENERAL_NAMES, &GENERAL_NAMES_free> names(GENERAL_NAMES_new());
    GENERAL_NAME* one = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(one, GEN_DIRNAME, X509_NAME_dup(dn.get()));
    sk_GENERAL_NAME_push(names.get(), one);
    return "critical,DER:" +
           hex(made_der([&](unsigned char** out) { return i2d_GENERAL_NAMES(names.get(), out); }));
}

inline std::string make_crl(const Issued& issuer, const CrlSpec& spec = {})
{
    Handle<X509_CRL, &X509_CRL_free> list(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.x509()));
    Handle<ASN1_TIME, &ASN1_TIME_free> when(X509_gmtime_adj(nullptr, spec.from_minutes * 60L));
    X509_CRL_set1_lastUpdate(list.get(), when.get());
    if (spec.next_update) {
        when.reset(X509_gmtime_adj(nullptr, spec.to_minutes * 60L));
        X509_CRL_set1_nextUpdate(list.get(), when.get());
    }
    when.reset(X509_gmtime_adj(nullptr, -86400));
    for (const auto& one : spec.entries) {
        X509_REVOKED* entry = X509_REVOKED_new();
        Handle<ASN1_INTEGER, &ASN1_INTEGER_free> serial(serial_number(one.serial));
        X509_REVOKED_set_serialNumber(entry, serial.get());
        X509_REVOKED_set_revocationDate(entry, when.get());
        if (one.reason >= 0) {
            Handle<ASN1_ENUMERATED, &ASN1_ENUMERATED_free> reason(ASN1_ENUMERATED_new());
            ASN1_ENUMERATED_set(reason.get(), one.reason);
            X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason.get(), 0, 0);
        }
        add_to(one.more, issuer, [&](X509_EXTENSION* e) { return X509_REVOKED_add_ext(entry, e, -1); });
        X509_CRL_add0_revoked(list.get(), entry);
    }
    add_to(spec.more, issuer, [&](X509_EXTENSION* e) { return X509_CRL_add_ext(list.get(), e, -1); });
    X509_CRL_sort(list.get());
    if (X509_CRL_sign(list.get(), issuer.key.get(), EVP_get_digestbyname(spec.digest)) <= 0)
        throw std::runtime_error("test list: " + ossl::take_errors());
    return made_der([&](unsigned char** out) { return i2d_X509_CRL(list.get(), out); });
}

struct OcspSpec {
    int status = V_OCSP_CERTSTATUS_GOOD, reason = OCSP_REVOKED_STATUS_NOSTATUS;
    int from_minutes = -60, to_minutes = 60;
    bool next_update = true, send_certificate = true;
    const EVP_MD* id_digest = EVP_sha1();
    const char* digest = "SHA256";
    std::string nonce;
    int response_status = OCSP_RESPONSE_STATUS_SUCCESSFUL;
    bool strange_critical = false;
};

/// An answer about a certificate of `issuer`, signed by `signer`.
inline std::string make_ocsp(const Certificate& about, const Issued& issuer, const Issued& signer,
                             const OcspSpec& spec = {})
{
    Handle<OCSP_BASICRESP, &OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
    Handle<OCSP_CERTID, &OCSP_CERTID_free> id(
        OCSP_cert_to_id(spec.id_digest, about.x509(), issuer.certificate.x509()));
    auto time = [](int minutes) {
        return Handle<ASN1_TIME, &ASN1_TIME_free>(
            ASN1_GENERALIZEDTIME_adj(nullptr, ::time(nullptr), 0, minutes * 60L));
    };
    auto from = time(spec.from_minutes), to = time(spec.to_minutes), revoked = time(-1440);
    OCSP_SINGLERESP* single =
        OCSP_basic_add1_status(basic.get(), id.get(), spec.status, spec.reason, revoked.get(), from.get(),
                               spec.next_update ? to.get() : nullptr);
    if (!single) throw std::runtime_error("test OCSP: " + ossl::take_errors());
    if (spec.strange_critical) {
        Handle<X509_EXTENSION, &X509_EXTENSION_free> e(strange_extension(true));
        OCSP_SINGLERESP_add_ext(single, e.get(), -1);
    }
    std::string nonce = spec.nonce;
    if (!nonce.empty())
        OCSP_basic_add1_nonce(basic.get(), reinterpret_cast<unsigned char*>(nonce.data()), int(nonce.size()));
    if (OCSP_basic_sign(basic.get(), signer.certificate.x509(), signer.key.get(),
                        EVP_get_digestbyname(spec.digest), nullptr,
                        spec.send_certificate ? 0 : OCSP_NOCERTS) != 1)
        throw std::runtime_error("test OCSP: " + ossl::take_errors());
    Handle<OCSP_RESPONSE, &OCSP_RESPONSE_free> whole(OCSP_response_create(
        spec.response_status,
        spec.response_status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? basic.get() : nullptr));
    return made_der([&](unsigned char** out) { return i2d_OCSP_RESPONSE(whole.get(), out); });
}

}  // namespace direct::test
