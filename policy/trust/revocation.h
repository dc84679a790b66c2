// revocation.h - what one list or one answer of a responder says of a certificate. Pure data and functions.
#pragma once
#include <optional>
#include <string>

#include "milter/base/openssl.h"
#include "policy/certificate.h"

namespace direct {

/// Clocks of issuers run ahead a little: a list dated so far in the future is taken.
inline constexpr auto revocation_clock_skew = std::chrono::minutes(5);

struct RevocationFact {
    enum State : unsigned char { good, revoked, unknown } state = unknown;
    std::string why;     ///< unknown: what was wrong; revoked: reason and date, in plain words
    std::string reason;  ///< revoked: "keyCompromise", "certificateHold", ...; "unspecified" without one
    std::optional<Time> date;  ///< revoked: since when, as the issuer says
    /// When the data itself ends (nextUpdate): later it is used within a grace only. A revoked certificate
    /// stays revoked.
    Time until{};
};

/// Where a certificate says that it can be looked up. Only http and https can be asked.
struct RevocationPlaces {
    struct List {
        std::vector<std::string> urls;  ///< the names of one distribution point: the same list
        bool some_reasons = false;      ///< this list tells of some reasons only
    };
    std::vector<std::string> responders;  ///< AIA OCSP
    std::vector<List> lists;              ///< CRLDP
    std::vector<std::string> notes;       ///< places that are skipped, and why: ldap, another issuer's list
};
RevocationPlaces revocation_places(const Certificate& certificate);
/// AIA caIssuers, http and https only.
std::vector<std::string> issuer_places(const Certificate& certificate);

/// "sha256", "sha384", "sha512": the digest under a signature (RSA, RSASSA-PSS or ECDSA); "" for any other.
std::string strong_digest(const X509_ALGOR* algorithm);
/// Text for a CRLReason (RFC 5280 section 5.3.1).
std::string revocation_reason(long crl_reason);
/// Fault: malformed.
Result<Time> time_of(const ASN1_TIME* time);

}  // namespace direct
