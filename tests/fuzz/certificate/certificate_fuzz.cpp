// certificate_fuzz.cpp - a stranger's certificate: read, asked everything, judged.
//
// Properties: the view keeps the very bytes, names stay in normal form, and without an anchor nothing is
// trusted, whatever the certificate says of itself.
#include <cstdint>
#include <cstdlib>

#include "milter/base/text.h"
#include "policy/trust/verdict.h"
#include "tests/support/test_pki.h"

using namespace direct;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

void ask_everything(const Certificate& c)
{
    for (const auto& domain : c.domains())
        must(normal_domain(domain) == domain && c.bound_to_domain(domain) && domain.find('*') == domain.npos);
    for (const auto& email : c.emails()) must(c.bound_to_address(email));
    must(!c.bound_to_domain("") && c.fingerprint().size() == 64);
    static_cast<void>(c.subject() + c.issuer() + c.organisation() + c.serial());
    static_cast<void>(c.policies());
    static_cast<void>(c.may_sign() | c.may_encrypt() | c.for_email() | c.strong_key() | c.is_ca());
    must(!(c.is_rsa() && c.is_ec()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const auto root = test::issue({.name = "fuzz root", .ca = true}, test::ec_key());
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    auto c = Certificate::from_der(der);
    must(ERR_peek_error() == 0);
    if (!c) return 0;
    must(c->der() == der);
    ask_everything(*c);
    JudgeOptions options{.now = *parse_iso8601("2026-11-22T00:00:00Z")};
    must(!judge(*c, {*c, root.certificate}, AnchorSet(), options).trusted());
    // Nobody has the key of an anchor made a moment ago.
    must(!judge(*c, {*c}, AnchorSet({root.certificate}), options).trusted());
    auto own = judge(*c, {}, AnchorSet({*c}), options);
    must(own.trusted() || !own.because.empty());
    must(ERR_peek_error() == 0);
    return 0;
}
