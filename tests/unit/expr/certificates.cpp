#include "tests/unit/expr/certificates.h"

#include <openssl/objects.h>

#include "tests/support/test_pki.h"

namespace direct::test {
namespace {

struct Spec {
    std::vector<std::pair<const char*, const char*>> subject;
    const char* serial_hex;
    std::vector<std::pair<const char*, const char*>> extensions;
};

const char sections[] =
    "[policies]\npolicyIdentifier = 1.3.6.1.4.1.99999.7.2\nCPS.1 = \"https://ca.example.org/practice\"\n"
    "[people]\nemail.1 = jo@direct.example.org\nemail.2 = al@direct.example.org\nDNS.1 = direct.example.org\n"
    "URI.1 = https://direct.example.org/jo\nIP.1 = 192.0.2.7\nRID.1 = 1.2.3.4\ndirName.1 = dir\n"
    "otherName.1 = 1.2.3.4;UTF8:x\n[dir]\nCN = Jo\n";

const Spec full{{{"C", "US"}, {"O", "Example Clinic"}, {"CN", "Jo"}},
                "00B7A3",
                {{"basicConstraints", "critical,CA:TRUE,pathlen:2"},
                 {"keyUsage", "critical,digitalSignature,keyEncipherment"},
                 {"extendedKeyUsage", "emailProtection,clientAuth"},
                 {"subjectKeyIdentifier", "0A1B2C"},
                 {"subjectAltName", "@people"},
                 {"certificatePolicies", "1.3.6.1.4.1.99999.7.1,@policies"},
                 {"crlDistributionPoints", "URI:http://ca.example.org/a.crl"},
                 {"authorityInfoAccess",
                  "caIssuers;URI:http://ca.example.org/ca.cer,"
                  "OCSP;URI:http://ca.example.org/ocsp"},
                 {"nameConstraints", "permitted;email:direct.example.org"}}};
const Spec directtrust{{{"CN", "Clinic"}},
                       "02",
                       {{"keyUsage", "digitalSignature"},
                        {"certificatePolicies", "1.3.6.1.4.1.41179.0.1.3,1.3.6.1.4.1.41179.2.1"}}};
const Spec plain{{{"CN", "Plain"}}, "01", {}};
const Spec named{{{"C", "US"},
                  {"ST", "MO"},
                  {"L", "Kansas City"},
                  {"O", "One, Two + Three"},
                  {"OU", "First"},
                  {"OU", "Second"},
                  {"CN", " J\xc3\xb6 "},
                  {"DC", "example"},
                  {"emailAddress", "jo@example.org"},
                  {"dnQualifier", "q1"},
                  {"serialNumber", "77"},
                  {"SN", "Surname"},
                  {"title", "Dr"},
                  {"GN", "Given"},
                  {"initials", "z-a"},
                  {"pseudonym", "Pseudo"},
                  {"2.5.4.64", "Quality"}},
                 "7F",
                 {{"keyUsage", "decipherOnly,keyAgreement"}}};

void must(bool holds, const std::string& what)
{
    if (!holds) throw std::runtime_error("test certificate, " + what + ": " + ossl::take_errors());
}

Certificate made(const Spec& spec, const Key& key)
{
    ossl::Cert x(X509_new());
    X509_set_version(x.get(), 2);
    BIGNUM* serial = nullptr;
    BN_hex2bn(&serial, spec.serial_hex);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x.get()));
    BN_free(serial);
    X509_NAME* name = X509_get_subject_name(x.get());
    for (const auto& [type, value] : spec.subject) {
        Handle<ASN1_OBJECT, &ASN1_OBJECT_free> oid(OBJ_txt2obj(type, 0));
        bool ia5 = std::string_view(type) == "emailAddress" || std::string_view(type) == "DC";
        must(X509_NAME_add_entry_by_OBJ(name, oid.get(), ia5 ? V_ASN1_IA5STRING : V_ASN1_UTF8STRING,
                                        reinterpret_cast<const unsigned char*>(value), -1, -1, 0) == 1,
             type);
    }
    X509_set_issuer_name(x.get(), name);
    ASN1_TIME_set_string(X509_getm_notBefore(x.get()), "20240102030405Z");
    ASN1_TIME_set_string(X509_getm_notAfter(x.get()), "20991231235959Z");
    X509_set_pubkey(x.get(), key.get());
    ossl::Bio text(BIO_new_mem_buf(sections, -1));
    Handle<CONF, &NCONF_free> conf(NCONF_new(nullptr));
    must(NCONF_load_bio(conf.get(), text.get(), nullptr) == 1, "sections");
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x.get(), x.get(), nullptr, nullptr, 0);
    X509V3_set_nconf(&ctx, conf.get());
    for (const auto& [type, value] : spec.extensions) {
        Handle<X509_EXTENSION, &X509_EXTENSION_free> e(X509V3_EXT_nconf(conf.get(), &ctx, type, value));
        must(e && X509_add_ext(x.get(), e.get(), -1) == 1, type);
        // Only now is there a key identifier to take over.
        if (std::string_view(type) == "subjectKeyIdentifier")
            add_extension(x.get(), ctx, NID_authority_key_identifier, "keyid:always,issuer:always");
    }
    must(X509_sign(x.get(), key.get(), EVP_sha256()) > 0, "signing");
    auto c = Certificate::from_x509(x.get());
    must(c && Certificate::from_der(c->der()), "reading back");
    return *Certificate::from_der(c->der());
}

}  // namespace

const Certificate& policy_certificate(const std::string& name)
{
    static const std::map<std::string, Certificate> all{{"full", made(full, rsa_key())},
                                                        {"directtrust", made(directtrust, rsa_key())},
                                                        {"plain", made(plain, rsa_key())},
                                                        {"elliptic", made(plain, ec_key())},
                                                        {"named", made(named, rsa_key())}};
    return all.at(name);
}

}  // namespace direct::test
