// Certificate policies of a domain: place, direction, and faults that refuse.
#include "milter/sta/policies.h"

#include <boost/test/unit_test.hpp>

#include "milter/sta/site.h"
#include "tests/support/scratch.h"
#include "tests/support/test_pki.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Scratch dir;
    Settings settings = default_settings();
    DomainSettings domain;
    Issued signs = issue({.name = "signs", .key_usage = "digitalSignature"}, ec_key());
    Issued opens = issue({.name = "opens", .key_usage = "keyAgreement"}, ec_key());

    Fixture() { domain.name = "d.example"; }
    PolicyUse use(const std::string& name, const std::string& text, bool incoming, bool outgoing)
    {
        write_file(dir / name, text);
        return {dir / name, incoming, outgoing};
    }
    DomainPolicies load()
    {
        settings.domains = {domain};
        return DomainPolicies::load(settings);
    }
};

const char may_sign[] = "(X509.TBS.EXTENSION.KeyUsage & 128) > 0\n";
const char may_open[] = "(X509.TBS.EXTENSION.KeyUsage & 8) > 0\n";

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_policy_holds_at_its_place_in_its_direction, Fixture)
{
    using enum Direction;
    domain.policies_trust = {use("sign.pol", may_sign, true, false)};
    domain.policies_public = {use("open.pol", may_open, false, true)};
    auto policies = load();
    BOOST_TEST(policies.faults().empty());
    BOOST_TEST(!policies.against("d.example", incoming, signs.certificate));
    BOOST_TEST(!policies.against("d.example", outgoing, opens.certificate));
    auto why = policies.against("d.example", incoming, opens.certificate);
    BOOST_REQUIRE(why);
    BOOST_TEST(*why ==
               "CN=opens does not meet policies.trust " + dir / "sign.pol" +
                   ": (X509.TBS.EXTENSION.KeyUsage & 128) > 0 is false, X509.TBS.EXTENSION.KeyUsage & 128 "
                   "is 0");
    BOOST_TEST(policies.against("d.example", outgoing, signs.certificate)->find("policies.public") !=
               std::string::npos);
    BOOST_TEST(!policies.against("other.example", incoming, opens.certificate));
}

BOOST_FIXTURE_TEST_CASE(all_policies_of_a_place_must_comply, Fixture)
{
    domain.policies_trust = {use("yes.pol", "1 = 1", true, true), use("sign.pol", may_sign, true, true)};
    auto policies = load();
    BOOST_TEST(!policies.against("d.example", Direction::incoming, signs.certificate));
    BOOST_TEST(policies.against("d.example", Direction::outgoing, opens.certificate).has_value());
}

BOOST_FIXTURE_TEST_CASE(own_keys_are_left_out_with_a_line_each, Fixture)
{
    domain.policies_private = {use("sign.pol", may_sign, false, true)};
    auto policies = load();
    OwnKey one{"d.example", "a.crt", signs.certificate, {}, signs.key};
    OwnKey two{"d.example", "b.crt", opens.certificate, {}, opens.key};
    std::vector<std::string> because;
    auto left = policies.allowed({&one, &two}, "d.example", Direction::outgoing, because);
    BOOST_REQUIRE(left.size() == 1u);
    BOOST_TEST(left.front() == &one);
    BOOST_REQUIRE(because.size() == 1u);
    BOOST_TEST(because.front().starts_with("our key: CN=opens does not meet policies.private "));
    BOOST_TEST(policies.allowed({&one, &two}, "d.example", Direction::incoming, because).size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_or_evaluated_refuses, Fixture)
{
    domain.policies_trust = {use("bad.pol", "1 = (", true, true)};
    auto policies = load();
    BOOST_REQUIRE(policies.faults().size() == 1u);
    BOOST_TEST(
        policies.faults()[0].starts_with("domain d.example, policies.trust: " + dir / "bad.pol" + ":1:6: "));
    BOOST_TEST(policies.against("d.example", Direction::incoming, signs.certificate).has_value());

    domain.policies_trust = {use("bad.pol", "X509.TBS.EXTENSION.KeyUsage & 128", true, true)};
    auto why = load().against("d.example", Direction::incoming, signs.certificate);
    BOOST_REQUIRE(why);
    BOOST_TEST(why->find("neither true nor false") != std::string::npos);

    domain.policies_trust = {{dir / "none.pol", true, true}};
    BOOST_TEST(load().faults().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(the_network_is_asked_only_where_the_site_allows_it, Fixture)
{
    domain.policies_trust = {use("uri.pol", "@@http://127.0.0.1:1/x", true, false)};
    auto off = load();
    BOOST_REQUIRE(off.faults().size() == 1u);
    BOOST_TEST(off.faults()[0].find("policy.allow_uri_check is off") != std::string::npos);
    BOOST_TEST(!uri_check_of(settings));
    settings.policy_allow_uri_check = true;
    auto on = load();
    BOOST_TEST(on.faults().empty());
    // The guard never lets a certificate's or a policy's address reach this host: no answer, so false.
    auto why = on.against("d.example", Direction::incoming, signs.certificate);
    BOOST_REQUIRE(why);
    BOOST_TEST(why->find("is false") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_site_with_a_faulty_policy_is_not_loaded, Fixture)
{
    write_file(dir / "a.pol", "1 = 1 &&\n");
    write_file(dir / "direct.toml",
               "[reinject]\nsmtp = \"127.0.0.1:10026\"\n[store]\npath = \"" + dir / "store" +
                   "\"\n[[domain]]\nname = \"d.example\"\npolicies = { trust = [\"a.pol\"] }\n");
    auto site = load_site(dir / "direct.toml", test_now());
    BOOST_REQUIRE(!site);
    BOOST_TEST((site.error().reason == Reason::configuration), site.error().why);
    BOOST_TEST(site.error().why.find("a.pol:1:9: an operand is missing at the end") != std::string::npos,
               site.error().why);
    write_file(dir / "a.pol", "1 = 1\n");
    auto mended = load_site(dir / "direct.toml", test_now());
    BOOST_TEST(bool(mended), (mended ? "" : mended.error().why));
}
