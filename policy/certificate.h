// certificate.h - a read view of an X.509 certificate: parsed once, immutable, shared freely.
//
// Whole certificates are compared by their DER bytes, never by key identifier or thumbprint alone.
// Parsing is costly (0.7 ms): keep Certificate objects. Thread safe. No I/O but load_* functions.
// Source: RFC 5280; requirements A3-A8; reference-behaviour holes 1 and 8.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/clock.h"
#include "milter/base/openssl.h"
#include "milter/base/result.h"

namespace direct {

class Certificate {
public:
    /// From DER; trailing bytes are refused. Fault: malformed.
    static Result<Certificate> from_der(std::string_view der);
    /// Adds a reference to a certificate of OpenSSL's.
    static Result<Certificate> from_x509(X509* borrowed);

    X509* x509() const;  ///< borrowed
    std::string_view der() const;
    const std::string& fingerprint() const;  ///< hex SHA-256 of the DER bytes
    /// All rfc822Name SANs; the legacy emailAddress of the DN only when there is no SAN (A4).
    const std::vector<Address>& emails() const;
    const std::vector<std::string>& domains() const;  ///< all dNSName SANs, normal form
    std::string subject() const;                      ///< RFC 2253, for the admin; cut after 300 bytes
    std::string issuer() const;
    std::string organisation() const;       ///< O of the subject, or ""
    std::string serial() const;             ///< hex
    std::string_view issuer_der() const;    ///< whole DER of the issuer's name
    std::string_view subject_der() const;   ///< whole DER of the subject's name
    std::string_view serial_bytes() const;  ///< content octets of the serial INTEGER, as encoded
    std::string_view key_id() const;        ///< subjectKeyIdentifier, or "": a hint, never a proof
    Time not_before() const;
    Time not_after() const;
    bool is_ca() const;

    /// Bound to the address itself, or to exactly its domain (A5, A6).
    bool bound_to(const Address& address) const;
    bool bound_to_address(const Address& address) const;
    bool bound_to_domain(std::string_view normal_domain) const;

    bool may_sign() const;     ///< no keyUsage, or digitalSignature / nonRepudiation
    bool may_encrypt() const;  ///< no keyUsage, or keyEncipherment (RSA) / keyAgreement (EC)
    bool for_email() const;    ///< no EKU, or emailProtection / anyExtendedKeyUsage
    bool strong_key() const;   ///< RSA >= 2048 bits, or P-256 / P-384 / P-521
    bool is_rsa() const;
    bool is_ec() const;  ///< P-256, P-384 or P-521
    /// The digest of the signature that stands on the certificate: "sha256", "sha1", "md5"; "" when unknown.
    const std::string& signature_digest() const;
    /// policy OIDs, dotted
    std::vector<std::string> policies() const;

    friend bool operator==(const Certificate& a, const Certificate& b) { return a.der() == b.der(); }
    friend bool operator<(const Certificate& a, const Certificate& b) { return a.der() < b.der(); }

private:
    struct Data;
    explicit Certificate(std::shared_ptr<const Data> d) : data_(std::move(d)) {}
    std::shared_ptr<const Data> data_;
};

/// All certificates in PEM, DER or PKCS#7 (certs only) bytes. Fault: malformed.
Result<std::vector<Certificate>> read_certificates(std::string_view bytes);
/// The same from a file of at most 16 MB. Fault: configuration.
Result<std::vector<Certificate>> load_certificates(const std::string& path);

/// A bounded cache from DER bytes to the parsed certificate: a known partner costs no parsing. Thread safe.
class CertificateCache {
public:
    explicit CertificateCache(std::size_t entries = 4096);
    ~CertificateCache();
    Result<Certificate> get(std::string_view der);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
