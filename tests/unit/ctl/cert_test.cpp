// cert find and cert publish without a network: the trial site asks nobody. What they do with a name server is in
// tests/postfix/test_discovery_dns.py.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "policy/certificate.h"
#include "tests/unit/ctl/run_ctl.h"

using namespace direct;
using namespace direct::test;

namespace {

bool says(const Outcome& outcome, const std::string& words)
{
    return outcome.out.find(words) != std::string::npos;
}

Certificate our_certificate(const TrialSite& site)
{
    auto read = load_certificates(site.dir + "/keys/direct.example.org/direct.example.org.crt");
    BOOST_REQUIRE(read);
    return read->front();
}

}  // namespace

BOOST_AUTO_TEST_CASE(cert_find_says_yes_no_and_why)
{
    auto& site = shared_site();
    auto yes = site.run({"cert", "find", "bob@partner.test"});
    BOOST_TEST(yes.exit == 0, yes.out + yes.err);
    BOOST_TEST(says(yes, "Can mail be sent to bob@partner.test from direct.example.org? yes (sealed)"),
               yes.out);
    BOOST_TEST(says(yes, "  used\n"), yes.out);
    auto no = site.run({"cert", "find", "nobody@stranger.example", "--trace"});
    BOOST_TEST(no.exit == 1, no.out + no.err);
    BOOST_TEST(says(no, "? no (no-certificate)"), no.out);
    BOOST_TEST(says(no, "files address nobody@stranger.example: none"), no.out);
    auto json = site.run({"cert", "find", "bob@partner.test", "--json"}).json();
    BOOST_TEST(json["answer"] == "yes");
    BOOST_TEST(json["step"] == "files domain");
    BOOST_TEST(json["certificates"][0]["used"] == true);
    // The same certificate a year after its end.
    auto late = site.run({"cert", "find", "bob@partner.test", "--time", "2090-01-01"});
    BOOST_TEST(late.exit == 1, late.out + late.err);
    BOOST_TEST(says(late, "not used: it expired on "), late.out);
}

BOOST_AUTO_TEST_CASE(a_trial_asks_nobody)
{
    const auto config = read_file(shared_site().config);
    for (const char* step : {"dns_address", "dns_domain", "ldap_address", "ldap_domain"})
        BOOST_TEST(config.find(std::string("\n") + step + " = false\n") != std::string::npos, step);
}

BOOST_AUTO_TEST_CASE(cert_find_of_ours_and_of_no_address)
{
    auto& site = shared_site();
    auto ours = site.run({"cert", "find", "jones@direct.example.org"});
    BOOST_TEST(ours.exit == 0);
    BOOST_TEST(says(ours, "in a Direct domain of ours"), ours.out);
    for (const char* bad : {"partner.test", "@partner.test", "a b@partner.test"})
        BOOST_TEST(site.run({"cert", "find", bad}).exit == 2, bad);
    BOOST_TEST(site.run({"cert", "find", "bob@partner.test", "--domain", "other.example"}).exit == 2);
}

BOOST_AUTO_TEST_CASE(cert_publish_prints_what_a_zone_takes)
{
    auto& site = shared_site();
    const Certificate own = our_certificate(site);
    auto zone = site.run({"cert", "publish", "Direct.Example.Org", "--zone"});
    BOOST_TEST(zone.exit == 0, zone.err);
    BOOST_TEST(says(zone, "\ndirect.example.org. 3600 IN CERT PKIX 0 0 " + base64(own.der()) + "\n"),
               zone.out);
    auto generic = site.run({"cert", "publish", "direct.example.org", "--generic"});
    BOOST_TEST(
        says(generic, "direct.example.org. 3600 IN TYPE37 \\# " + std::to_string(own.der().size() + 5) +
                          " 0001000000" + hex(own.der()) + "\n"),
        generic.out);
    auto json = site.run({"cert", "publish", "direct.example.org", "--json"}).json();
    BOOST_TEST(json["owner"] == "direct.example.org.");
    BOOST_TEST(json["records"][0]["fingerprint"] == own.fingerprint());
    auto ldif = site.run({"cert", "publish", "direct.example.org", "--ldif", "--base", "ou=x,o=y"});
    BOOST_TEST(ldif.exit == 0, ldif.err);
    BOOST_TEST(ldif.out.starts_with("dn: mail=direct.example.org,ou=x,o=y\n"), ldif.out);
    BOOST_TEST(says(ldif, "userCertificate;binary:: " + base64(own.der()).substr(0, 40)), ldif.out);
    auto change = site.run({"cert", "publish", "direct.example.org", "--ldif", "--change"});
    BOOST_TEST(says(change, "\nchangetype: modify\n"), change.out);
    BOOST_TEST(site.run({"cert", "publish", "direct.example.org", "--ldif", "--zone"}).exit == 2);
    BOOST_TEST(site.run({"cert", "publish", "direct.example.org", "--base", "o=y"}).exit == 2);
    // An address without a certificate of its own is found by its domain; one that has expired is not published.
    BOOST_TEST(site.run({"cert", "publish", "jones@direct.example.org"}).exit == 1);
    auto late = site.run({"cert", "publish", "direct.example.org", "--time", "2090-01-01"});
    BOOST_TEST(late.exit == 1);
    BOOST_TEST(says(late, "expired on "), late.out);
    BOOST_TEST(site.run({"cert", "publish", "no name"}).exit == 2);
}
