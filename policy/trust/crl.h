// crl.h - a certificate revocation list: read, verified and kept small; then asked as often as needed.
//
// Only the whole list of the very issuer is taken: signed with the issuer's key, under its name. Understood:
// scope (IssuingDistributionPoint), partitions by name, lists of some reasons, hold, entries of another
// issuer (certificateIssuer). Refused, and said so: deltas, lists of another issuer, critical extensions that
// are not known, SHA-1 and older. Whoever refuses knows nothing: never "good". Immutable, thread safe, no I/O.
// Source: requirements D6, D7; RFC 5280 sections 5 and 6.3; reference-behaviour hole 3.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "policy/trust/revocation.h"

namespace direct {

class Crl {
public:
    /// From DER or PEM, 256 MB at most. Fault: malformed, with what is wrong: form, issuer, signature,
    /// extension, date.
    static Result<Crl> read(std::string_view bytes, const Certificate& issuer);

    /// What the list says of a certificate of that issuer. Unknown when it was not made for it, or is dated in
    /// the future. An outdated list still answers: `until` tells, the caller decides.
    /// @param some_reasons  the certificate says that this list tells of some reasons only
    RevocationFact find(const Certificate& certificate, Time now, bool some_reasons = false) const;

    Time this_update() const;
    /// When the issuer promises the next one; a list that does not say ends an hour after its date.
    Time next_update() const;
    std::size_t entries() const;

private:
    struct Data;
    explicit Crl(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

}  // namespace direct
