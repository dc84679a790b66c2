// test_pki.h - certificates and keys made on the spot: no key lies in the repository and every date is
// relative to now. Included by tests that link OpenSSL. Failing to make one throws: the test ends.
#pragma once
#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/openssl.h"
#include "policy/certificate.h"

namespace direct::test {

using Key = std::shared_ptr<EVP_PKEY>;

inline Key own_key(EVP_PKEY* key)
{
    if (!key) throw std::runtime_error("test key: " + ossl::take_errors());
    return Key(key, EVP_PKEY_free);
}

/// RSA keys take long to make: the n-th of a size is made once per process.
inline Key rsa_key(unsigned n = 0, unsigned bits = 2048)
{
    static std::mutex lock;
    static std::map<std::pair<unsigned, unsigned>, Key> made;
    std::lock_guard guard(lock);
    Key& key = made[{n, bits}];
    if (!key) key = own_key(EVP_RSA_gen(bits));
    return key;
}
inline Key ec_key(const char* group = "P-256")
{
    return own_key(EVP_EC_gen(group));
}

/// What a certificate shall say. Dates are days from now.
struct CertSpec {
    std::string name = "someone";  ///< CN
    std::vector<std::string> san;  ///< "email:a@b", "DNS:b"
    std::string dn_email;          ///< emailAddress of the DN
    bool ca = false;
    std::string constraints;                ///< basicConstraints instead of what `ca` says; "-" for none
    std::string key_usage, extended_usage;  ///< empty: no extension
    std::vector<std::pair<int, std::string>> more;  ///< further extensions (NID, text)
    int from_days = -10, to_days = 300;
    const char* digest = "SHA256";
    std::string key_id_of = "hash";  ///< "hash", "" for none, or hex with colons
    bool authority_key_id = true;
    long serial = 0;   ///< 0: the next one
    bool pss = false;  ///< certificate signed with RSASSA-PSS
};

struct Issued {
    Certificate certificate;
    Key key;
};

inline void add_extension(X509* x, X509V3_CTX& ctx, int nid, const std::string& text)
{
    Handle<X509_EXTENSION, &X509_EXTENSION_free> e(X509V3_EXT_conf_nid(nullptr, &ctx, nid, text.c_str()));
    if (!e || X509_add_ext(x, e.get(), -1) != 1)
        throw std::runtime_error("test extension " + text + ": " + ossl::take_errors());
}

inline void add_name(X509_NAME* name, int nid, const std::string& text)
{
    if (text.empty()) return;
    X509_NAME_add_entry_by_NID(name, nid, nid == NID_pkcs9_emailAddress ? V_ASN1_IA5STRING : MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()), int(text.size()), -1, 0);
}

/// Self-signed when there is no issuer.
inline Issued issue(const CertSpec& spec, const Key& key, const Issued* issuer = nullptr)
{
    static long next_serial = 1000;
    ossl::Cert x(X509_new());
    X509_set_version(x.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), spec.serial ? spec.serial : ++next_serial);
    X509_NAME* name = X509_get_subject_name(x.get());
    add_name(name, NID_commonName, spec.name);
    add_name(name, NID_pkcs9_emailAddress, spec.dn_email);
    X509_set_issuer_name(x.get(), issuer ? X509_get_subject_name(issuer->certificate.x509()) : name);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), spec.from_days * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), spec.to_days * 86400L);
    X509_set_pubkey(x.get(), key.get());

    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer ? issuer->certificate.x509() : x.get(), x.get(), nullptr, nullptr, 0);
    // Some extensions insist on a configuration to look sections up in: an empty one.
    Handle<CONF, &NCONF_free> sections(NCONF_new(nullptr));
    X509V3_set_nconf(&ctx, sections.get());
    std::string constraints = !spec.constraints.empty() ? spec.constraints
                              : spec.ca                 ? "critical,CA:TRUE"
                                                        : "-";
    if (constraints != "-") add_extension(x.get(), ctx, NID_basic_constraints, constraints);
    if (!spec.key_id_of.empty()) add_extension(x.get(), ctx, NID_subject_key_identifier, spec.key_id_of);
    if (spec.authority_key_id && issuer && !issuer->certificate.key_id().empty())
        add_extension(x.get(), ctx, NID_authority_key_identifier, "keyid:always");
    std::string san;
    for (const auto& one : spec.san) san += (san.empty() ? "" : ",") + one;
    if (!san.empty()) add_extension(x.get(), ctx, NID_subject_alt_name, san);
    if (!spec.key_usage.empty()) add_extension(x.get(), ctx, NID_key_usage, spec.key_usage);
    if (!spec.extended_usage.empty()) add_extension(x.get(), ctx, NID_ext_key_usage, spec.extended_usage);
    for (const auto& [nid, text] : spec.more) add_extension(x.get(), ctx, nid, text);

    EVP_PKEY* signer = issuer ? issuer->key.get() : key.get();
    ossl::Digest md(EVP_MD_CTX_new());
    EVP_PKEY_CTX* pctx = nullptr;
    bool ok = EVP_DigestSignInit(md.get(), &pctx, EVP_get_digestbyname(spec.digest), nullptr, signer) == 1;
    if (ok && spec.pss) ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1;
    if (!ok || X509_sign_ctx(x.get(), md.get()) <= 0)
        throw std::runtime_error("test certificate: " + ossl::take_errors());
    auto certificate = Certificate::from_x509(x.get());
    // Read back from DER, as real ones are.
    if (certificate) certificate = Certificate::from_der(certificate->der());
    if (!certificate) throw std::runtime_error("test certificate: " + certificate.error().why);
    return {*certificate, key};
}

inline std::string pem_of(const Certificate& c)
{
    ossl::Bio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), c.x509());
    char* p = nullptr;
    long n = BIO_get_mem_data(out.get(), &p);
    return {p, std::size_t(n)};
}

inline std::string pem_of(const Key& key, bool traditional = false, const char* passphrase = nullptr)
{
    ossl::Bio out(BIO_new(BIO_s_mem()));
    if (traditional)
        PEM_write_bio_PrivateKey_traditional(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    else
        PEM_write_bio_PrivateKey(out.get(), key.get(), passphrase ? EVP_aes_256_cbc() : nullptr, nullptr, 0,
                                 nullptr, const_cast<char*>(passphrase));
    char* p = nullptr;
    long n = BIO_get_mem_data(out.get(), &p);
    return {p, std::size_t(n)};
}

inline Time test_now()
{
    return SystemClock().now();
}

}  // namespace direct::test
