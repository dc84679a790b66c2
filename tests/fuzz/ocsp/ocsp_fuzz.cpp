// ocsp_fuzz.cpp - an answer of a responder as a server, or who stands in between, would serve it.
//
// Properties: an answer that the issuer has not signed says nothing; a signed one in which bytes were changed is
// refused or says what it said.
#include <cstdint>
#include <cstdlib>

#include "policy/trust/ocsp.h"
#include "tests/support/test_revocation.h"

using namespace direct;
using namespace direct::test;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Made anew in every run: no input can carry its signature.
    static const Issued issuer = issue({.name = "fuzz", .ca = true}, ec_key());
    static const Issued end = issue({.name = "end"}, ec_key(), &issuer);
    static const Issued desk = issue({.name = "desk", .extended_usage = "OCSPSigning"}, ec_key(), &issuer);
    static const std::string good = make_ocsp(end.certificate, issuer, desk, {.nonce = "0123456789abcdef"});
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Time now = test_now();
    must(!read_ocsp(bytes, end.certificate, issuer.certificate, now));
    must(ERR_peek_error() == 0);
    // Pairs of place and value change the good answer.
    std::string changed = good;
    for (std::size_t i = 0; i + 2 < size && i < 96; i += 3)
        changed[(std::size_t(data[i]) * 256 + data[i + 1]) % changed.size()] ^= char(data[i + 2]);
    auto read = read_ocsp(changed, end.certificate, issuer.certificate, now);
    must(ERR_peek_error() == 0);
    must(!read || read->state == RevocationFact::good);
    return 0;
}
