// A key of ours that cannot be read just now: mail waits at the sender, it is not refused for good.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/bench/bench_site.h"

using namespace direct;
using namespace direct::bench;
namespace fs = std::filesystem;

namespace {

const std::string message =
    "From: doc@direct.hospital.example\r\nTo: nurse@direct.clinic.example\r\nSubject: s\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <m@direct.hospital.example>\r\n\r\nbody\r\n";

struct Fixture {
    BenchSites sites;
    Engine engine;

    std::string key_of(const std::string& domain) const
    {
        return sites.folder + "/" + domain + "/keys/" + domain + "/own.key";
    }
    std::shared_ptr<const Site> again(const std::string& domain) const
    {
        auto site = load_site(sites.folder + "/" + domain + "/direct.toml", sites.now);
        BOOST_REQUIRE(site);
        return *site;
    }
    OpenedMail open(const Site& site, const std::string& sealed)
    {
        return open_inbound(site, engine, {sealed, {nurse}, sites.now});
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(own_keys, Fixture)

BOOST_AUTO_TEST_CASE(mail_for_a_key_that_is_away_is_put_off)
{
    auto sealed = seal_once(sites, engine, message).leg->message();
    auto clinic = again("direct.clinic.example");
    fs::rename(key_of("direct.clinic.example"), sites.folder + "/away");
    auto opened = open(*clinic, sealed);
    BOOST_TEST(token_of(opened.overall()) == token_of(Reason::configuration));
    BOOST_TEST(is_temporary(opened.overall()));
    BOOST_TEST(opened.message.empty());
    fs::rename(sites.folder + "/away", key_of("direct.clinic.example"));
    BOOST_TEST(open(*clinic, sealed).any_accepted());
    // With every key readable, mail for another certificate is refused for good, as ever.
    auto other = again("direct.hospital.example");
    auto refused = open_inbound(*other, engine, {sealed, {doc}, sites.now});
    BOOST_TEST(token_of(refused.overall()) == token_of(Reason::no_key));
}

BOOST_AUTO_TEST_CASE(nothing_is_sealed_while_the_signing_key_is_away)
{
    auto hospital = again("direct.hospital.example");
    fs::rename(key_of("direct.hospital.example"), sites.folder + "/away");
    auto sealed = seal_outbound(*hospital, engine, {message, doc, {nurse}, {}, sites.now});
    BOOST_TEST(!sealed.leg);
    BOOST_TEST(token_of(sealed.overall()) == token_of(Reason::configuration));
    auto local =
        seal_outbound(*again("direct.clinic.example"), engine, {message, nurse, {}, {nurse}, sites.now});
    BOOST_TEST(!is_temporary(local.overall()));
    fs::rename(sites.folder + "/away", key_of("direct.hospital.example"));
    BOOST_TEST(seal_outbound(*hospital, engine, {message, doc, {nurse}, {}, sites.now}).leg.has_value());
}

BOOST_AUTO_TEST_CASE(reading_all_finds_what_nobody_has_asked_for)
{
    auto clinic = again("direct.clinic.example");
    BOOST_TEST(clinic->read_all().empty());
    fs::permissions(key_of("direct.clinic.example"), fs::perms(0644));
    auto careless = again("direct.clinic.example");
    auto told = careless->read_all();
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].find("the key may be read by others") != std::string::npos);
    // What was read before stays in use.
    BOOST_TEST(clinic->keys.for_decryption(nurse).size() == 1u);
    BOOST_TEST(careless->keys.for_decryption(nurse).empty());
}

BOOST_AUTO_TEST_SUITE_END()
