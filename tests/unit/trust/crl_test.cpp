#include "policy/trust/crl.h"

#include <boost/test/unit_test.hpp>
#include <chrono>

#include "milter/base/text.h"
#include "tests/support/test_revocation.h"

using namespace direct;
using namespace direct::test;
using Fact = RevocationFact;

namespace {

struct House {
    Issued ca = issue({.name = "ca", .ca = true, .key_usage = "keyCertSign,cRLSign"}, rsa_key(0));
    Issued sub = issue({.name = "sub", .ca = true, .key_usage = "keyCertSign,cRLSign", .serial = 501},
                       rsa_key(1), &ca);
    Issued jo = issue({.name = "jo",
                       .more = {{NID_crl_distribution_points, "URI:http://a.example/jo.crl,URI:ldap://x/"}},
                       .serial = 502},
                      ec_key(), &ca);
    std::string serial(const Issued& i) const { return std::string(i.certificate.serial_bytes()); }
    Fact ask(const CrlSpec& spec, const Issued& whom, bool some_reasons = false) const
    {
        auto list = Crl::read(make_crl(ca, spec), ca.certificate);
        BOOST_REQUIRE_MESSAGE(list, list.error().why);
        return list->find(whom.certificate, test_now(), some_reasons);
    }
    std::string refused(const CrlSpec& spec) const
    {
        auto list = Crl::read(make_crl(ca, spec), ca.certificate);
        BOOST_REQUIRE(!list);
        return list.error().why;
    }
};

bool says(const std::string& text, const std::string& what)
{
    return text.find(what) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(listed_is_revoked_and_the_rest_good, House)
{
    CrlSpec spec{.entries = {{serial(jo), 1}, {"\x01\x02", -1}}};
    Fact fact = ask(spec, jo);
    BOOST_TEST((fact.state == Fact::revoked));
    BOOST_TEST(fact.reason == "keyCompromise");
    BOOST_TEST(says(fact.why, "keyCompromise"), fact.why);
    BOOST_REQUIRE(fact.date);
    BOOST_TEST((*fact.date < test_now() - std::chrono::hours(23)));
    fact = ask(spec, sub);
    BOOST_TEST((fact.state == Fact::good));
    BOOST_TEST((fact.until > test_now() + std::chrono::minutes(55)));
    BOOST_TEST((ask({}, jo).state == Fact::good));
    // On hold is revoked while it lasts; a hold that was lifted is not.
    BOOST_TEST((ask({.entries = {{serial(jo), 6}}}, jo).state == Fact::revoked));
    BOOST_TEST(ask({.entries = {{serial(jo), 6}}}, jo).reason == "certificateHold");
    BOOST_TEST((ask({.entries = {{serial(jo), 8}}}, jo).state == Fact::good));
    BOOST_TEST(ask({.entries = {{serial(jo), -1}}}, jo).reason == "unspecified");
    BOOST_TEST((ask({.entries = {{serial(jo), 99}}}, jo).state == Fact::revoked));
}

BOOST_FIXTURE_TEST_CASE(pem_is_read_as_well, House)
{
    std::string der = make_crl(ca, {.entries = {{serial(jo), 1}}});
    std::string pem =
        "text before\n-----BEGIN X509 CRL-----\n" + base64(der, 64) + "\n-----END X509 CRL-----\n";
    auto list = Crl::read(pem, ca.certificate);
    BOOST_REQUIRE_MESSAGE(list, list.error().why);
    BOOST_TEST((list->find(jo.certificate, test_now()).state == Fact::revoked));
    BOOST_TEST(list->entries() == 1u);
}

BOOST_FIXTURE_TEST_CASE(only_the_issuers_own_signature_counts, House)
{
    Issued twin = issue({.name = "ca", .ca = true, .key_usage = "keyCertSign,cRLSign"}, rsa_key(3));
    auto refusal = [](const std::string& bytes, const Issued& issuer) {
        auto list = Crl::read(bytes, issuer.certificate);
        BOOST_REQUIRE(!list);
        BOOST_TEST((list.error().reason == Reason::malformed));
        return list.error().why;
    };
    BOOST_TEST(says(refusal(make_crl(twin), ca), "signature is not its issuer's"));
    BOOST_TEST(says(refusal(make_crl(sub), ca), "another issuer"));
    std::string changed = make_crl(ca);
    changed[changed.size() - 1] ^= 1;
    BOOST_TEST(says(refusal(changed, ca), "signature is not its issuer's"));
    Issued silent = issue({.name = "ca", .ca = true, .key_usage = "keyCertSign"}, rsa_key(0));
    BOOST_TEST(says(refusal(make_crl(ca), silent), "may not sign revocation lists"));
    BOOST_TEST(says(refused({.digest = "SHA1"}), "weak or unknown algorithm"));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_list_is_refused, House)
{
    std::string der = make_crl(ca);
    for (const std::string& bytes : {std::string(), std::string("<html>"), der.substr(0, der.size() / 2),
                                     der + "x", std::string(jo.certificate.der()),
                                     std::string("-----BEGIN X509 CRL-----\n!!\n-----END X509 CRL-----\n"),
                                     std::string("-----BEGIN CERTIFICATE-----\n")})
        BOOST_TEST(!Crl::read(bytes, ca.certificate));
}

BOOST_FIXTURE_TEST_CASE(extensions_that_change_the_meaning, House)
{
    BOOST_TEST(says(refused({.more = {{NID_delta_crl, "critical,DER:020101"}}}), "a delta"));
    BOOST_TEST(says(refused({.more = {{0, "critical"}}}), "critical extension that is not known"));
    BOOST_TEST((ask({.more = {{0, ""}, {NID_crl_number, "DER:020107"}}}, jo).state == Fact::good));
    // An entry nobody understands makes the others doubtful; a listed one is revoked all the same.
    CrlSpec strange{.entries = {{"\x05", -1, {{0, "critical"}}}, {serial(sub), 1}}};
    BOOST_TEST((ask(strange, jo).state == Fact::unknown));
    BOOST_TEST((ask(strange, sub).state == Fact::revoked));
    BOOST_TEST((ask({.entries = {{"\x05", -1, {{0, ""}}}}}, jo).state == Fact::good));
}

BOOST_FIXTURE_TEST_CASE(the_scope_of_a_list, House)
{
    const int idp = NID_issuing_distribution_point;
    auto scope = [&](const std::string& body) { return CrlSpec{.more = {{idp, "critical,@s @@" + body}}}; };
    BOOST_TEST((ask(scope("onlyuser=TRUE"), jo).state == Fact::good));
    BOOST_TEST((ask(scope("onlyuser=TRUE"), sub).state == Fact::unknown));
    BOOST_TEST((ask(scope("onlyCA=TRUE"), sub).state == Fact::good));
    BOOST_TEST((ask(scope("onlyCA=TRUE"), jo).state == Fact::unknown));
    BOOST_TEST(says(refused(scope("onlyAA=TRUE")), "attribute"));
    BOOST_TEST((ask(scope("fullname=URI:http://a.example/jo.crl"), jo).state == Fact::good));
    BOOST_TEST((ask(scope("fullname=URI:http://a.example/other.crl"), jo).state == Fact::unknown));
    BOOST_TEST((ask(scope("fullname=URI:http://a.example/jo.crl"), sub).state == Fact::unknown));
    CrlSpec some = scope("onlysomereasons=keyCompromise,CACompromise");
    BOOST_TEST((ask(some, jo).state == Fact::unknown));
    some.entries = {{serial(jo), 1}};
    BOOST_TEST((ask(some, jo).state == Fact::revoked));
    BOOST_TEST((ask({}, jo, true).state == Fact::unknown));
}

BOOST_FIXTURE_TEST_CASE(entries_of_another_issuer_are_not_ours, House)
{
    auto named = [&](const std::string& name) {
        return std::vector<std::pair<int, std::string>>{{NID_certificate_issuer, entry_issuer(name)}};
    };
    CrlSpec indirect{.entries = {{serial(sub), 1}, {serial(jo), 1, named("other")}},
                     .more = {{NID_issuing_distribution_point, "critical,@s @@indirectCRL=TRUE"}}};
    // Entries are sorted by serial: sub's (501) stands before the change of issuer, jo's after.
    BOOST_TEST((ask(indirect, sub).state == Fact::revoked));
    BOOST_TEST((ask(indirect, jo).state == Fact::good));
    indirect.entries[1].more = named("ca");
    BOOST_TEST((ask(indirect, jo).state == Fact::revoked));
    indirect.more.clear();
    BOOST_TEST(says(refused(indirect), "another issuer in a list that has none"));
}

BOOST_FIXTURE_TEST_CASE(dates, House)
{
    Fact fact = ask({.from_minutes = 60, .to_minutes = 120}, jo);
    BOOST_TEST((fact.state == Fact::unknown));
    BOOST_TEST(says(fact.why, "in the future"), fact.why);
    BOOST_TEST((ask({.from_minutes = 3}, jo).state == Fact::good));
    // Outdated: the answer stands, `until` says when it ended.
    fact = ask({.from_minutes = -120, .to_minutes = -60}, jo);
    BOOST_TEST((fact.state == Fact::good));
    BOOST_TEST((fact.until < test_now() - std::chrono::minutes(59)));
    fact = ask({.from_minutes = -10, .next_update = false}, jo);
    BOOST_TEST((fact.until < test_now() + std::chrono::minutes(51)));
    BOOST_TEST((fact.until > test_now() + std::chrono::minutes(49)));
}

BOOST_FIXTURE_TEST_CASE(a_hundred_thousand_entries, House)
{
    CrlSpec spec;
    for (int i = 0; i < 100000; ++i)
        spec.entries.push_back(
            {std::string("\x40") + char(i >> 16) + char(i >> 8) + char(i) + std::string(8, 's'), i % 2});
    spec.entries.push_back({serial(jo), 1});
    std::string der = make_crl(ca, spec);
    auto from = std::chrono::steady_clock::now();
    auto list = Crl::read(der, ca.certificate);
    auto read = std::chrono::steady_clock::now() - from;
    BOOST_REQUIRE(list);
    from = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
        BOOST_REQUIRE((list->find(jo.certificate, test_now()).state == Fact::revoked));
    auto asked = (std::chrono::steady_clock::now() - from) / 1000;
    BOOST_TEST((list->find(sub.certificate, test_now()).state == Fact::good));
    BOOST_TEST(list->entries() == 100001u);
    BOOST_TEST_MESSAGE("list of " << der.size() << " bytes: reading "
                                  << std::chrono::duration_cast<std::chrono::milliseconds>(read).count()
                                  << " ms, asking " << std::chrono::nanoseconds(asked).count() << " ns");
}
