// issue.h - makes keys, certificate requests and certificates, and holds a key against its certificate.
//
// For directctl: requests to a real CA, and the self-made CA of a trial. A key leaves here only as PEM in
// a Secret. No I/O. Faults: input (what was given), temporary (OpenSSL failed). Thread safe.
// Source: RFC 5280, RFC 2986; requirements A3-A8.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/base/crypto.h"
#include "milter/base/result.h"
#include "policy/certificate.h"

namespace direct {

/// "rsa-2048" | "rsa-3072" | "rsa-4096" | "p-256" | "p-384"; PKCS#8 PEM without a passphrase.
Result<Secret> make_key(std::string_view algorithm);

/// Whom a request or certificate is for.
struct CertificateName {
    std::string bound_to;      ///< an address ("a@b.example") or a domain: the one SAN; "" for a CA
    std::string common_name;   ///< "" = bound_to
    std::string organisation;  ///< "" = none
};

/// A PKCS#10 request in PEM asking for digitalSignature, keyEncipherment (RSA) or keyAgreement (EC),
/// emailProtection and the one SAN.
Result<std::string> make_request(const CertificateName& name, const Secret& key_pem);

/// Who signs a certificate.
struct Issuer {
    const Certificate& certificate;
    const Secret& key_pem;
};
struct CertificateOrder {
    CertificateName name;
    bool ca = false;
    Time not_before{}, not_after{};
};
/// A certificate in PEM; signed by itself when there is no issuer.
Result<std::string> issue_certificate(const CertificateOrder& order, const Secret& key_pem,
                                      const Issuer* issuer);

/// Is this the certificate's private key? Fault: input when it is not, or cannot be read without a passphrase.
Status key_fits(const Certificate& certificate, const Secret& key_pem);

/// What a PKCS#12 file held. The first certificate is the key's own.
struct KeyWithChain {
    Secret key_pem;
    std::vector<Certificate> certificates;
};
/// Fault: input (not PKCS#12, wrong password, no key).
Result<KeyWithChain> read_pkcs12(std::string_view bytes, const Secret& password);

std::string certificate_pem(const Certificate& certificate);

}  // namespace direct
