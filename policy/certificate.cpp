// certificate.cpp - parsing once, and everything the rooms above ask about a certificate kept ready.
#include "policy/certificate.h"

#include <openssl/objects.h>

#include <algorithm>
#include <ctime>

#include "milter/base/crypto.h"
#include "milter/base/text.h"

namespace direct {

namespace {

using Names = Handle<GENERAL_NAMES, &GENERAL_NAMES_free>;
using Policies = Handle<CERTIFICATEPOLICIES, &CERTIFICATEPOLICIES_free>;

std::string_view text_of(const ASN1_STRING* s)
{
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)), std::size_t(ASN1_STRING_length(s))};
}

Result<Time> time_of(const ASN1_TIME* t)
{
    std::tm tm{};
    if (!t || ASN1_TIME_to_tm(t, &tm) != 1) return fail(refuse(Reason::malformed, "certificate: bad date"));
    return Time(seconds(timegm(&tm)));
}

std::string_view der_of(const X509_NAME* name)
{
    const unsigned char* p = nullptr;
    std::size_t n = 0;
    if (!X509_NAME_get0_der(name, &p, &n)) return {};
    return {reinterpret_cast<const char*>(p), n};
}

// A stranger chooses the name; it goes into log and audit once for every path and recipient.
constexpr std::size_t name_text_max = 300;

std::string name_text(const X509_NAME* name)
{
    ossl::Bio out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return {};
    char* p = nullptr;
    long n = BIO_get_mem_data(out.get(), &p);
    if (n <= 0) return {};
    if (std::size_t(n) <= name_text_max) return {p, std::size_t(n)};
    return std::string(p, name_text_max) + "...";
}

std::string last_of(const X509_NAME* name, int nid)
{
    std::string found;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
        unsigned char* utf8 = nullptr;
        int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        if (n < 0) continue;
        found.assign(reinterpret_cast<char*>(utf8), std::size_t(n));
        OPENSSL_free(utf8);
    }
    return found;
}

std::string dotted(const ASN1_OBJECT* oid)
{
    char buffer[256];
    int n = OBJ_obj2txt(buffer, sizeof buffer, oid, 1);
    return n > 0 && n < int(sizeof buffer) ? std::string(buffer, std::size_t(n)) : std::string();
}

Fault unreadable(const char* what)
{
    std::string why = std::string("certificate: ") + what;
    if (std::string errors = ossl::take_errors(); !errors.empty()) why += " (" + errors + ")";
    return refuse(Reason::malformed, why);
}

}  // namespace

struct Certificate::Data {
    ossl::Cert x509;
    std::string der, fingerprint, serial_bytes, signature_digest;
    std::string_view issuer_der, subject_der, key_id;  // into x509
    std::vector<Address> emails;
    std::vector<std::string> email_keys, domains;
    Time not_before{}, not_after{};
    std::uint32_t key_usage = 0, extended_usage = 0;  // UINT32_MAX: extension absent
    bool rsa = false, rsa_pss_only = false, ec = false, strong = false, ca = false;

    Status read();  ///< fills everything from x509 and der

private:
    void add_email(std::string_view text);
    void read_names();
    void read_key();
    Status read_serial();
};

// A name with a byte that has no place in it (NUL above all) is skipped by the parsers: it binds nobody.
void Certificate::Data::add_email(std::string_view text)
{
    auto address = parse_address(text);
    if (!address) return;
    email_keys.push_back(address->key());
    emails.push_back(*std::move(address));
}

void Certificate::Data::read_names()
{
    if (X509_get_ext_by_NID(x509.get(), NID_subject_alt_name, -1) < 0) {
        std::string legacy = last_of(X509_get_subject_name(x509.get()), NID_pkcs9_emailAddress);
        if (!legacy.empty()) add_email(legacy);
        return;
    }
    Names names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509.get(), NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int kind = 0;
        void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
        if (kind != GEN_EMAIL && kind != GEN_DNS) continue;
        std::string_view text = text_of(static_cast<ASN1_STRING*>(value));
        if (kind == GEN_EMAIL) add_email(text);
        if (kind != GEN_DNS || text.find('*') != std::string_view::npos) continue;
        if (auto domain = normal_domain(text)) domains.push_back(*std::move(domain));
    }
}

void Certificate::Data::read_key()
{
    EVP_PKEY* key = X509_get0_pubkey(x509.get());
    if (!key) return;
    int kind = EVP_PKEY_get_base_id(key);
    rsa = kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
    rsa_pss_only = kind == EVP_PKEY_RSA_PSS;
    if (rsa) strong = EVP_PKEY_get_bits(key) >= 2048;
    char group[64] = "";
    if (kind == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1) {
        std::string_view g = group;
        ec = strong = g == "prime256v1" || g == "secp384r1" || g == "secp521r1";
    }
}

Status Certificate::Data::read_serial()
{
    unsigned char* encoded = nullptr;
    int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(x509.get()), &encoded);
    if (n < 3 || n > 2 + 127) {
        OPENSSL_free(encoded);
        return fail(unreadable("serial number"));
    }
    serial_bytes.assign(reinterpret_cast<char*>(encoded) + 2, std::size_t(n - 2));
    OPENSSL_free(encoded);
    return Done{};
}

Status Certificate::Data::read()
{
    X509* x = x509.get();
    // Fills OpenSSL's cache of extensions now, so that later readers find nothing to write.
    X509_check_purpose(x, -1, 0);
    if (X509_get_extension_flags(x) & EXFLAG_INVALID) return fail(unreadable("an extension is broken"));
    TRY(not_before, time_of(X509_get0_notBefore(x)));
    TRY(not_after, time_of(X509_get0_notAfter(x)));
    CHECK(read_serial());
    fingerprint = hex(sha256(der));
    issuer_der = der_of(X509_get_issuer_name(x));
    subject_der = der_of(X509_get_subject_name(x));
    if (const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(x)) key_id = text_of(id);
    key_usage = X509_get_key_usage(x);
    extended_usage = X509_get_extended_key_usage(x);
    ca = X509_check_ca(x) == 1;
    int digest = NID_undef;
    if (X509_get_signature_info(x, &digest, nullptr, nullptr, nullptr) == 1 && digest != NID_undef)
        signature_digest = ascii_lower(OBJ_nid2sn(digest));
    read_key();
    read_names();
    ossl::take_errors();
    return Done{};
}

Result<Certificate> Certificate::from_der(std::string_view der)
{
    auto data = std::make_shared<Data>();
    auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const unsigned char* end = p + der.size();
    if (der.size() > 1024 * 1024) return fail(refuse(Reason::malformed, "certificate: larger than 1 MB"));
    data->x509.reset(d2i_X509(nullptr, &p, long(der.size())));
    if (!data->x509) return fail(unreadable("cannot be read"));
    if (p != end) return fail(unreadable("bytes after its end"));
    data->der = der;
    CHECK(data->read());
    return Certificate(std::move(data));
}

Result<Certificate> Certificate::from_x509(X509* borrowed)
{
    unsigned char* der = nullptr;
    int n = borrowed ? i2d_X509(borrowed, &der) : -1;
    if (n <= 0) return fail(unreadable("cannot be encoded"));
    auto data = std::make_shared<Data>();
    data->der.assign(reinterpret_cast<char*>(der), std::size_t(n));
    OPENSSL_free(der);
    X509_up_ref(borrowed);
    data->x509.reset(borrowed);
    CHECK(data->read());
    return Certificate(std::move(data));
}

X509* Certificate::x509() const
{
    return data_->x509.get();
}
std::string_view Certificate::der() const
{
    return data_->der;
}
const std::string& Certificate::fingerprint() const
{
    return data_->fingerprint;
}
const std::vector<Address>& Certificate::emails() const
{
    return data_->emails;
}
const std::vector<std::string>& Certificate::domains() const
{
    return data_->domains;
}
std::string Certificate::subject() const
{
    return name_text(X509_get_subject_name(x509()));
}
std::string Certificate::issuer() const
{
    return name_text(X509_get_issuer_name(x509()));
}
std::string Certificate::organisation() const
{
    return last_of(X509_get_subject_name(x509()), NID_organizationName);
}
std::string Certificate::serial() const
{
    return hex(data_->serial_bytes);
}
std::string_view Certificate::issuer_der() const
{
    return data_->issuer_der;
}
std::string_view Certificate::subject_der() const
{
    return data_->subject_der;
}
std::string_view Certificate::serial_bytes() const
{
    return data_->serial_bytes;
}
std::string_view Certificate::key_id() const
{
    return data_->key_id;
}
Time Certificate::not_before() const
{
    return data_->not_before;
}
Time Certificate::not_after() const
{
    return data_->not_after;
}
bool Certificate::is_ca() const
{
    return data_->ca;
}

bool Certificate::bound_to(const Address& address) const
{
    return bound_to_address(address) || bound_to_domain(address.domain);
}

bool Certificate::bound_to_address(const Address& address) const
{
    const auto& keys = data_->email_keys;
    return std::find(keys.begin(), keys.end(), address.key()) != keys.end();
}

bool Certificate::bound_to_domain(std::string_view normal_domain) const
{
    const auto& domains = data_->domains;
    return !normal_domain.empty() &&
           std::find(domains.begin(), domains.end(), normal_domain) != domains.end();
}

bool Certificate::may_sign() const
{
    return data_->key_usage == UINT32_MAX || data_->key_usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
}

bool Certificate::may_encrypt() const
{
    if ((!data_->rsa || data_->rsa_pss_only) && !data_->ec) return false;
    return data_->key_usage == UINT32_MAX ||
           data_->key_usage & (data_->rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT);
}

bool Certificate::for_email() const
{
    return data_->extended_usage == UINT32_MAX || data_->extended_usage & (XKU_SMIME | XKU_ANYEKU);
}

bool Certificate::strong_key() const
{
    return data_->strong;
}
bool Certificate::is_rsa() const
{
    return data_->rsa;
}
bool Certificate::is_ec() const
{
    return data_->ec;
}
const std::string& Certificate::signature_digest() const
{
    return data_->signature_digest;
}

std::vector<std::string> Certificate::policies() const
{
    std::vector<std::string> out;
    Policies p(static_cast<CERTIFICATEPOLICIES*>(
        X509_get_ext_d2i(x509(), NID_certificate_policies, nullptr, nullptr)));
    for (int i = 0; p && i < sk_POLICYINFO_num(p.get()); ++i)
        if (auto oid = dotted(sk_POLICYINFO_value(p.get(), i)->policyid); !oid.empty()) out.push_back(oid);
    ossl::take_errors();
    return out;
}

}  // namespace direct
