// crl_fuzz.cpp - a revocation list as a server, or who stands in between, would serve it.
//
// Properties: what the issuer has not signed says nothing. So that the parser behind the signature is reached,
// the input is also taken as what an issuer would sign: its bytes become entries and extensions of a list made here.
#include <cstdint>
#include <cstdlib>

#include "policy/trust/crl.h"
#include "tests/support/test_revocation.h"

using namespace direct;
using namespace direct::test;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

/// A list with these bytes as the value of one extension: of the list, or of an entry.
std::string list_with(const Issued& issuer, std::string_view bytes)
{
    static const int kinds[] = {
        NID_issuing_distribution_point, NID_delta_crl,      NID_crl_number, NID_crl_reason,
        NID_certificate_issuer,         NID_invalidity_date};
    const unsigned which = static_cast<unsigned char>(bytes[0]);
    CrlSpec spec;
    std::pair<int, std::string> one{kinds[which % 6],
                                    (which & 64 ? "critical,DER:" : "DER:") + hex(bytes.substr(1))};
    spec.entries.push_back({std::string("\x05\x06"), -1, {}});
    (which % 6 < 3 ? spec.more : spec.entries[0].more).push_back(one);
    if (which & 128) spec.more.push_back({NID_issuing_distribution_point, "critical,DER:30038401ff"});
    return make_crl(issuer, spec);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Made anew in every run: no input can carry its signature.
    static const Issued issuer = issue({.name = "fuzz", .ca = true}, ec_key());
    static const Issued end = issue({.name = "end", .serial = 0x0506}, ec_key(), &issuer);
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Time now = test_now();
    must(!Crl::read(bytes, issuer.certificate));
    must(ERR_peek_error() == 0);
    if (size < 2 || size > 4096) return 0;
    auto list = Crl::read(list_with(issuer, bytes), issuer.certificate);
    must(ERR_peek_error() == 0);
    if (!list) return 0;
    must(list->entries() == 1);
    // Whatever the extensions say, an end certificate that is not listed never becomes revoked.
    static const Issued other = issue({.name = "other"}, ec_key(), &issuer);
    must(list->find(other.certificate, now).state != RevocationFact::revoked);
    auto fact = list->find(end.certificate, now);
    must(fact.state != RevocationFact::revoked || (fact.date && !fact.reason.empty()));
    must(fact.state == RevocationFact::good || !fact.why.empty());
    return 0;
}
