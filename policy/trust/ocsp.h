// ocsp.h - asking a responder for one certificate, and reading what it answers. Bytes in, a fact out.
//
// An answer counts when it is signed by the issuer itself, or by a certificate that the very issuer has
// given to answer for it (id-kp-OCSPSigning); nobody else may speak. It must be about the certificate
// asked for (SHA-1 or SHA-256 certID). A nonce that differs refuses; one that is missing is accepted, as most
// responders answer from a store. Pure functions, thread safe.
// Source: requirement D6; RFC 6960, RFC 9654, RFC 5019.
#pragma once
#include <string>
#include <string_view>

#include "policy/trust/revocation.h"

namespace direct {

/// A DER request for one certificate, named by SHA-1 as every responder understands it (no proof rests on it).
/// @param nonce  1..32 bytes, or "" for none. Fault: temporary.
Result<std::string> ocsp_request(const Certificate& certificate, const Certificate& issuer,
                                 std::string_view nonce);

/// Reads an answer, at most 1 MB.
/// @param nonce  of the request; "" takes any
/// @return good, revoked, or unknown when the responder says that. `until`: nextUpdate, ten days after
///         thisUpdate at most; a day after it when there is none. An outdated answer is answered like a fresh one.
///         Fault: malformed, for everything that makes it no answer (form, signer, signature, another
///         certificate, nonce, a date in the future, tryLater and the like).
Result<RevocationFact> read_ocsp(std::string_view der, const Certificate& certificate,
                                 const Certificate& issuer, Time now, std::string_view nonce = {});

}  // namespace direct
