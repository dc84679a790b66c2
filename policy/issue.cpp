// issue.cpp - see issue.h.
#include "policy/issue.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <initializer_list>

namespace direct {
namespace {

using Request = Handle<X509_REQ, &X509_REQ_free>;
using P12 = Handle<PKCS12, &PKCS12_free>;
inline void free_extensions(STACK_OF(X509_EXTENSION) * s)
{
    sk_X509_EXTENSION_pop_free(s, X509_EXTENSION_free);
}
using Extensions = Handle<STACK_OF(X509_EXTENSION), &free_extensions>;
using Extension = Handle<X509_EXTENSION, &X509_EXTENSION_free>;

Fault trouble(const char* what)
{
    return temporary(std::string(what) + ": " + ossl::take_errors());
}

int no_passphrase(char*, int, int, void*)
{
    return -1;
}

Result<ossl::PrivateKey> read_key(const Secret& pem)
{
    ossl::Bio in(BIO_new_mem_buf(pem.view().data(), static_cast<int>(pem.size())));
    ossl::PrivateKey key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
    ossl::take_errors();
    if (!key)
        return fail(refuse(Reason::input, "the key cannot be read (PEM without a passphrase is expected)"));
    return key;
}

Result<Secret> write_key(EVP_PKEY* key)
{
    // A secure-memory BIO would need a secure heap; the copy in the plain one is overwritten here.
    ossl::Bio out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return fail(trouble("writing a key"));
    char* data = nullptr;
    auto size = BIO_get_mem_data(out.get(), &data);
    Secret pem(std::string_view(data, static_cast<std::size_t>(size)));
    cleanse(data, static_cast<std::size_t>(size));
    return pem;
}

template <class Write>
Result<std::string> to_pem(Write write)
{
    ossl::Bio out(BIO_new(BIO_s_mem()));
    if (!out || write(out.get()) != 1) return fail(trouble("writing PEM"));
    char* data = nullptr;
    auto size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

bool add_entry(X509_NAME* name, const char* field, const std::string& value)
{
    return value.empty() || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                       reinterpret_cast<const unsigned char*>(value.data()),
                                                       static_cast<int>(value.size()), -1, 0) == 1;
}

Status fill_name(X509_NAME* name, const CertificateName& whom)
{
    auto common = whom.common_name.empty() ? whom.bound_to : whom.common_name;
    if (common.size() > 64) common.resize(64);  // ub-common-name; the binding is the SAN, never the CN
    if (!add_entry(name, "O", whom.organisation) || !add_entry(name, "CN", common))
        return fail(refuse(Reason::input, "the organisation or name cannot stand in a certificate"));
    ossl::take_errors();
    return Done{};
}

/// The SAN is built as an object: a configuration string would let "," or ":" of a quoted local part add names.
Extension subject_alternative_name(const std::string& bound_to)
{
    bool address = bound_to.find('@') != std::string::npos;
    auto* name = GENERAL_NAME_new();
    auto* text = ASN1_IA5STRING_new();
    if (!name || !text || ASN1_STRING_set(text, bound_to.data(), static_cast<int>(bound_to.size())) != 1) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return {};
    }
    GENERAL_NAME_set0_value(name, address ? GEN_EMAIL : GEN_DNS, text);
    auto* names = GENERAL_NAMES_new();
    if (!names || sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        GENERAL_NAMES_free(names);
        return {};
    }
    Extension made(X509V3_EXT_i2d(NID_subject_alt_name, 0, names));
    GENERAL_NAMES_free(names);
    return made;
}

struct ExtensionText {
    int nid;
    const char* value;
};

Result<Extensions> make_extensions(const CertificateName& name, bool ca, bool rsa, X509V3_CTX* context)
{
    Extensions list(sk_X509_EXTENSION_new_null());
    auto push = [&](Extension e) {
        if (!e || sk_X509_EXTENSION_push(list.get(), e.get()) <= 0) return false;
        static_cast<void>(e.release());  // the list owns it now
        return true;
    };
    std::vector<ExtensionText> wanted;
    wanted.push_back({NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE"});
    wanted.push_back({NID_key_usage, ca    ? "critical,keyCertSign,cRLSign"
                                     : rsa ? "critical,digitalSignature,keyEncipherment"
                                           : "critical,digitalSignature,keyAgreement"});
    if (!ca) wanted.push_back({NID_ext_key_usage, "emailProtection"});
    if (context) {
        wanted.push_back({NID_subject_key_identifier, "hash"});
        // A self-signed one would name itself; RFC 5280 section 4.2.1.1 lets it out there.
        if (context->issuer_cert != context->subject_cert)
            wanted.push_back({NID_authority_key_identifier, "keyid:always"});
    }
    bool good = static_cast<bool>(list);
    for (const auto& w : wanted)
        good = good && push(Extension(X509V3_EXT_conf_nid(nullptr, context, w.nid, w.value)));
    if (!name.bound_to.empty()) good = good && push(subject_alternative_name(name.bound_to));
    if (!good) return fail(trouble("making certificate extensions"));
    return list;
}

bool set_time(ASN1_TIME* field, Time t)
{
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
    return ASN1_TIME_set(field, static_cast<time_t>(seconds)) != nullptr;
}

/// 127 random bits: positive and never zero (RFC 5280 section 4.1.2.2).
bool set_serial(X509* certificate)
{
    auto bytes = random_bytes(16);
    bytes[0] = static_cast<char>((bytes[0] & 0x3f) | 0x40);
    Handle<BIGNUM, &BN_free> number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                              static_cast<int>(bytes.size()), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

}  // namespace

Result<Secret> make_key(std::string_view algorithm)
{
    ossl::PrivateKey key;
    if (algorithm == "rsa-2048" || algorithm == "rsa-3072" || algorithm == "rsa-4096") {
        std::size_t bits = algorithm == "rsa-2048" ? 2048 : algorithm == "rsa-3072" ? 3072 : 4096;
        key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
    } else if (algorithm == "p-256" || algorithm == "p-384") {
        key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", algorithm == "p-256" ? "P-256" : "P-384"));
    } else {
        return fail(refuse(Reason::input, "no such key algorithm (rsa-2048 rsa-3072 rsa-4096 p-256 p-384)"));
    }
    if (!key) return fail(trouble("making a key"));
    return write_key(key.get());
}

Result<std::string> make_request(const CertificateName& name, const Secret& key_pem)
{
    TRY(auto key, read_key(key_pem));
    Request request(X509_REQ_new());
    if (!request) return fail(trouble("making a request"));
    CHECK(fill_name(X509_REQ_get_subject_name(request.get()), name));
    TRY(auto extensions, make_extensions(name, false, EVP_PKEY_is_a(key.get(), "RSA") == 1, nullptr));
    if (X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0)
        return fail(trouble("signing a request"));
    return to_pem([&](BIO* out) { return PEM_write_bio_X509_REQ(out, request.get()); });
}

Result<std::string> issue_certificate(const CertificateOrder& order, const Secret& key_pem,
                                      const Issuer* issuer)
{
    TRY(auto key, read_key(key_pem));
    ossl::PrivateKey issuer_key;
    if (issuer) {
        TRY(issuer_key, read_key(issuer->key_pem));
    }
    ossl::Cert made(X509_new());
    if (!made || X509_set_version(made.get(), X509_VERSION_3) != 1 || !set_serial(made.get()) ||
        !set_time(X509_getm_notBefore(made.get()), order.not_before) ||
        !set_time(X509_getm_notAfter(made.get()), order.not_after) ||
        X509_set_pubkey(made.get(), key.get()) != 1)
        return fail(trouble("making a certificate"));
    CHECK(fill_name(X509_get_subject_name(made.get()), order.name));
    X509* signer = issuer ? issuer->certificate.x509() : made.get();
    if (X509_set_issuer_name(made.get(), X509_get_subject_name(signer)) != 1)
        return fail(trouble("making a certificate"));
    X509V3_CTX context;
    X509V3_set_ctx(&context, signer, made.get(), nullptr, nullptr, 0);
    bool rsa = EVP_PKEY_is_a(key.get(), "RSA") == 1;
    TRY(auto extensions, make_extensions(order.name, order.ca, rsa, &context));
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions.get()); ++i)
        if (X509_add_ext(made.get(), sk_X509_EXTENSION_value(extensions.get(), i), -1) != 1)
            return fail(trouble("making a certificate"));
    if (X509_sign(made.get(), issuer ? issuer_key.get() : key.get(), EVP_sha256()) <= 0)
        return fail(trouble("signing a certificate"));
    return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); });
}

Status key_fits(const Certificate& certificate, const Secret& key_pem)
{
    TRY(auto key, read_key(key_pem));
    bool fits = X509_check_private_key(certificate.x509(), key.get()) == 1;
    ossl::take_errors();
    if (!fits) return fail(refuse(Reason::input, "key and certificate do not fit together"));
    return Done{};
}

Result<KeyWithChain> read_pkcs12(std::string_view bytes, const Secret& password)
{
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    P12 file(d2i_PKCS12(nullptr, &data, static_cast<long>(bytes.size())));
    EVP_PKEY* key = nullptr;
    X509* own = nullptr;
    STACK_OF(X509)* others = nullptr;
    std::string text(password.view());  // OpenSSL wants a closing zero
    CleanseAtEnd cleanse(text);
    bool good = file && PKCS12_parse(file.get(), text.c_str(), &key, &own, &others) == 1;
    ossl::PrivateKey key_owner(key);
    ossl::Cert own_owner(own);
    ossl::OwnedCerts others_owner(others);
    ossl::take_errors();
    if (!good || !key || !own)
        return fail(refuse(Reason::input, "no PKCS#12 with a key and its certificate, or another password"));
    KeyWithChain out;
    TRY(out.key_pem, write_key(key));
    TRY(auto leaf, Certificate::from_x509(own));
    out.certificates.push_back(std::move(leaf));
    for (int i = 0; others && i < sk_X509_num(others); ++i) {
        TRY(auto one, Certificate::from_x509(sk_X509_value(others, i)));
        out.certificates.push_back(std::move(one));
    }
    return out;
}

std::string certificate_pem(const Certificate& certificate)
{
    return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.x509()); }).value_or("");
}

}  // namespace direct
