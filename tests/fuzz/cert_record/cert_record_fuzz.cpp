// cert_record_fuzz.cpp - what a name server of somebody else sends as CERT and SRV rdata.
//
// Properties: a CERT record that reads is written as the same octets; only PKIX records bring certificates, and
// those are what stood in them; what was left out is told; an SRV target that reads is a name that can be asked.
#include <cstdint>
#include <cstdlib>

#include "policy/discovery/cert_record.h"
#include "policy/discovery/dns_client.h"

using namespace direct;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string rdata(reinterpret_cast<const char*>(data), size);
    auto record = read_cert_record(rdata);
    must(record.has_value() == (size > 5));
    if (record) must(write_cert_record(*record) == rdata);
    auto records = read_cert_records({rdata, rdata});
    must(records.certificates.size() <= 1);
    must(records.pkix == (record && record->type == CertRecord::pkix ? 2u : 0u));
    must(records.certificates.empty() == (records.notes.size() == 2));
    if (!records.certificates.empty()) must(records.certificates[0].der() == record->data);
    must(ERR_peek_error() == 0);
    if (auto srv = parse_srv(rdata)) {
        must(srv->target.size() <= 4 * 255);
        must(srv->target.find('.') != 0 && srv->target.find('\0') == std::string::npos);
    }
    return 0;
}
