// cert_record.h - certificates as the DNS holds them: CERT records, and the names they stand at. Pure functions,
// thread safe, no I/O.
// Source: RFC 4398; requirements G2, G3, G12; reference-behaviour 5.1.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/result.h"
#include "policy/certificate.h"

namespace direct {

/// CERT rdata, RFC 4398 section 2. Key tag and algorithm are carried, and mean nothing to us (nor to others).
struct CertRecord {
    static constexpr std::uint16_t pkix = 1;  ///< an X.509 certificate in DER
    std::uint16_t type = pkix;
    std::uint16_t key_tag = 0;
    std::uint8_t algorithm = 0;
    std::string data;
};
/// Fault: malformed, shorter than its fixed part. The data is not looked at.
Result<CertRecord> read_cert_record(std::string_view rdata);
std::string write_cert_record(const CertRecord& record);
/// "PKIX", "PGP", "IPKIX", ... or "type 300".
std::string cert_type_name(std::uint16_t type);

/// What the records of one answer hold. Records of other types than PKIX are left out and told in `notes`.
struct CertRecords {
    std::vector<Certificate> certificates;  ///< each once, at most published_certificates_max
    unsigned pkix = 0;                      ///< records that say they hold one, readable or not
    std::vector<std::string> notes;         ///< for the admin: what was left out and why, see PublishedNotes
};
CertRecords read_cert_records(const std::vector<std::string>& rdata);

/// The name an address's certificate stands at, in zone file form without the last dot: the local part, its dots
/// between labels, then the domain: "jo.doe@d.example" -> "jo.doe.d.example". Lower case; quotes are not part of
/// it, octets other than letters, digits, '-' and '_' are "\DDD".
/// Fault: input; no name can stand for it (a label of more than 63 octets, an empty one, more than 255 in all).
Result<std::string> dns_name_of(const Address& address);

}  // namespace direct
