// bundle.h - reads a trust bundle: the bytes a community publishes, turned into anchors. Bytes and a time in,
// anchors or a reason out; no I/O. Thread safe.
//
// A bundle is a PKCS#7 SignedData that only carries certificates (p7b), with or without text about itself
// (metadata) as its content, or a signed message (p7m) whose content is such a p7b. DER, BER with indefinite
// lengths, PEM and bare base64 are read, also with text around. What a signed message carries is its content:
// the certificates beside its signature are its signer's and never become anchors.
//
// The signer is a certificate the site has named, compared whole. A certificate that some CA has issued is not
// enough, not even when that CA is the one named: whoever has any certificate of it could then say whom we
// trust. For a change of signer the site's file may hold the present and the next one.
// Source: requirements H1-H3, H6; reference-behaviour holes 5 and 5b; Trust Bundle guide 1.0.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "policy/certificate.h"

namespace direct {

struct BundleLimits {
    std::size_t bytes = 8 << 20;       ///< of the bundle; the largest in the field has a tenth of it
    std::size_t certificates = 20000;  ///< inside; at 0.1 ms each a bundle costs seconds at most
    std::size_t signers = 16;          ///< signatures looked at
    std::size_t metadata = 64 << 10;   ///< bytes of text shown; longer is dropped with a finding
    std::size_t findings = 100;        ///< lines; the rest is counted in one more
};

struct Bundle {
    std::vector<Certificate> anchors;   ///< each once, in the bundle's order
    std::vector<std::string> findings;  ///< what was left out and why, one line each
    std::string metadata;               ///< text of whoever made it, UTF-8: shown, never interpreted
    std::string signer;  ///< fingerprint of the named certificate that signed; "" = not verified
    std::string digest;  ///< hex SHA-256 of the bytes
};

/// @param signers  certificates of which one must have signed; empty: an unsigned bundle is expected, and the
///                 signature of a signed one is not looked at (a finding says so)
/// Fault: malformed, too_large (a limit of `limits`), not_signed (a signer is named), bad_signature (none of the named has signed,
/// or the signature does not fit), weak_algorithm (SHA-1, MD5), expired, not_yet_valid, weak_key, bad_usage
/// (the signer's certificate). A bundle without one usable anchor is malformed: it would end all trust by mistake.
Result<Bundle> read_bundle(std::string_view bytes, const std::vector<Certificate>& signers, Time now,
                           const BundleLimits& limits = {});

/// May this certificate be an anchor that a bundle or archive brings? "" or why not: it has expired, is no CA,
/// or its key is too weak.
std::string unfit_as_anchor(const Certificate& certificate, Time now);

}  // namespace direct
