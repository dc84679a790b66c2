// anchor.h - one trust anchor: its bytes and what a search needs to know at once; parsed when a chain leads to it.
//
// Parsing costs half a millisecond, and a site with large trust bundles has ten thousand anchors of which its
// mail ever meets a few. Immutable, thread safe. No I/O.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "policy/certificate.h"

namespace direct {

class Anchor {
public:
    /// Reads subject and dates only: certificate() may still find that the rest is broken. Fault: malformed.
    static Result<std::shared_ptr<const Anchor>> from_der(std::string der);
    static std::shared_ptr<const Anchor> from(const Certificate& certificate);

    std::string_view der() const { return der_; }
    const std::string& fingerprint() const { return fingerprint_; }  ///< hex SHA-256 of the DER bytes
    unsigned long subject_hash() const { return subject_hash_; }     ///< X509_NAME_hash
    Time not_after() const { return not_after_; }
    /// Nothing when it is broken: nobody's chain ends there then.
    const std::optional<Certificate>& certificate() const;
    bool known_broken() const { return broken_; }  ///< certificate() has been asked for and is nothing

    Anchor() = default;
    Anchor(const Anchor&) = delete;
    Anchor& operator=(const Anchor&) = delete;

private:
    Status read_outline();

    std::string der_, fingerprint_;
    unsigned long subject_hash_ = 0;
    Time not_after_{};
    mutable std::once_flag once_;
    mutable std::optional<Certificate> certificate_;
    mutable std::atomic<bool> broken_ = false;
};

using Anchors = std::vector<std::shared_ptr<const Anchor>>;

/// All in PEM, DER or PKCS#7 bytes; PEM blocks of certificates are not parsed yet. Fault: malformed.
Result<Anchors> read_anchors(std::string_view bytes);

}  // namespace direct
