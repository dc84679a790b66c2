// cert_record.cpp - see cert_record.h.
#include "policy/discovery/cert_record.h"

#include <algorithm>

#include "milter/base/text.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/published.h"

namespace direct {
namespace {

constexpr std::size_t fixed_part = 5;
constexpr std::size_t label_max = 63, name_max = 255;  // RFC 1035 section 2.3.4

}  // namespace

Result<CertRecord> read_cert_record(std::string_view rdata)
{
    if (rdata.size() <= fixed_part) return fail(refuse(Reason::malformed, "a CERT record without content"));
    auto octet = [&](std::size_t i) { return static_cast<unsigned char>(rdata[i]); };
    CertRecord record;
    record.type = static_cast<std::uint16_t>(octet(0) * 256u + octet(1));
    record.key_tag = static_cast<std::uint16_t>(octet(2) * 256u + octet(3));
    record.algorithm = octet(4);
    record.data = rdata.substr(fixed_part);
    return record;
}

std::string write_cert_record(const CertRecord& record)
{
    std::string out;
    for (unsigned n : {unsigned(record.type), unsigned(record.key_tag)}) {
        out += static_cast<char>(n >> 8);
        out += static_cast<char>(n & 0xff);
    }
    out += static_cast<char>(record.algorithm);
    return out + record.data;
}

std::string cert_type_name(std::uint16_t type)
{
    static const char* const names[] = {"",      "PKIX", "SPKI",   "PGP",    "IPKIX",
                                        "ISPKI", "IPGP", "ACPKIX", "IACPKIX"};
    if (type >= 1 && type <= 8) return names[type];
    if (type == 253) return "URI";
    if (type == 254) return "OID";
    return "type " + std::to_string(type);
}

CertRecords read_cert_records(const std::vector<std::string>& rdata)
{
    CertRecords out;
    PublishedNotes left_out;
    bool full = false;
    for (const auto& one : rdata) {
        auto record = read_cert_record(one);
        if (!record) {
            left_out.add(record.error().why + ", ignored");
            continue;
        }
        if (record->type != CertRecord::pkix) {
            left_out.add("a record of type " + cert_type_name(record->type) + ", ignored");
            continue;
        }
        ++out.pkix;
        auto certificate = Certificate::from_der(record->data);
        if (!certificate) {
            left_out.add("a PKIX record that holds no certificate: " + certificate.error().why);
        } else if (std::find(out.certificates.begin(), out.certificates.end(), *certificate) ==
                   out.certificates.end()) {
            full = out.certificates.size() == published_certificates_max;
            if (full) break;
            out.certificates.push_back(*std::move(certificate));
        }
    }
    out.notes = left_out.take();
    if (full)
        out.notes.push_back("more than " + std::to_string(published_certificates_max) +
                            " certificates: the others are left out");
    return out;
}

Result<std::string> dns_name_of(const Address& address)
{
    const std::string local = unquoted_local(address.key().substr(0, address.key().rfind('@')));
    std::string name;
    std::size_t octets = address.domain.size() + 2;
    for (auto label : split(local, '.')) {
        if (label.empty()) return fail(refuse(Reason::input, "a local part with an empty label has no name"));
        if (label.size() > label_max)
            return fail(refuse(Reason::input, "a label of more than 63 octets is in no name"));
        octets += label.size() + 1;
        name += dns_label(label) + ".";
    }
    if (octets > name_max) return fail(refuse(Reason::input, "more than 255 octets are no name"));
    return name + address.domain;
}

}  // namespace direct
