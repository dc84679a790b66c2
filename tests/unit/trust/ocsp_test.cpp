#include "policy/trust/ocsp.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/test_revocation.h"

using namespace direct;
using namespace direct::test;
using Fact = RevocationFact;

namespace {

struct House {
    Issued ca =
        issue({.name = "ca", .ca = true, .key_usage = "keyCertSign,cRLSign,digitalSignature"}, rsa_key(0));
    Issued other = issue({.name = "other", .ca = true}, rsa_key(1));
    Issued jo = issue({.name = "jo"}, ec_key(), &ca);
    Issued ann = issue({.name = "ann"}, ec_key(), &ca);
    CertSpec desk{.name = "desk", .key_usage = "digitalSignature", .extended_usage = "OCSPSigning"};
    Issued delegate = issue(desk, rsa_key(2), &ca);

    Result<Fact> read(const std::string& der, std::string_view nonce = {}) const
    {
        return read_ocsp(der, jo.certificate, ca.certificate, test_now(), nonce);
    }
    Fact fact(const OcspSpec& spec, const Issued& signer, std::string_view nonce = {}) const
    {
        auto out = read(make_ocsp(jo.certificate, ca, signer, spec), nonce);
        BOOST_REQUIRE_MESSAGE(out, out.error().why);
        return *out;
    }
    std::string refused(const OcspSpec& spec, const Issued& signer, std::string_view nonce = {}) const
    {
        auto out = read(make_ocsp(jo.certificate, ca, signer, spec), nonce);
        BOOST_REQUIRE(!out);
        return out.error().why;
    }
};

bool says(const std::string& text, const std::string& what)
{
    return text.find(what) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_the_responder_says, House)
{
    for (const Issued* signer : {&ca, &delegate}) {
        BOOST_TEST((fact({}, *signer).state == Fact::good));
        Fact revoked = fact({.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1}, *signer);
        BOOST_TEST((revoked.state == Fact::revoked));
        BOOST_TEST(revoked.reason == "keyCompromise");
        BOOST_TEST(bool(revoked.date));
        BOOST_TEST(fact({.status = V_OCSP_CERTSTATUS_REVOKED}, *signer).reason == "unspecified");
        Fact unknown = fact({.status = V_OCSP_CERTSTATUS_UNKNOWN}, *signer);
        BOOST_TEST((unknown.state == Fact::unknown));
        BOOST_TEST(says(unknown.why, "does not know"));
    }
    BOOST_TEST((fact({.id_digest = EVP_sha256()}, ca).state == Fact::good));
    BOOST_TEST((fact({.send_certificate = false}, ca).state == Fact::good));
}

BOOST_FIXTURE_TEST_CASE(only_the_issuer_and_whom_it_appointed_may_speak, House)
{
    auto with = [&](CertSpec spec, const Issued* issuer, unsigned key = 2) {
        return issue(spec, rsa_key(key), issuer);
    };
    CertSpec no_usage = desk, expired = desk, weak = desk;
    no_usage.extended_usage = "emailProtection";
    expired.from_days = -9;
    expired.to_days = -1;
    weak.digest = "SHA1";
    BOOST_TEST(says(refused({}, with(no_usage, &ca)), "extended key usage"));
    BOOST_TEST(says(refused({}, jo), "extended key usage"));
    BOOST_TEST(says(refused({}, with(expired, &ca)), "not valid now"));
    BOOST_TEST(says(refused({}, with(weak, &ca)), "weak algorithm"));
    BOOST_TEST(says(refused({}, with(desk, &other)), "neither the issuer nor appointed"));
    BOOST_TEST(says(refused({}, other), "neither the issuer nor appointed"));
    // A self-made authority of the same name: the name alone appoints nobody.
    Issued twin = issue({.name = "ca", .ca = true}, rsa_key(3));
    BOOST_TEST(!read(make_ocsp(jo.certificate, ca, twin)));
    BOOST_TEST(!read(make_ocsp(jo.certificate, ca, with(desk, &twin, 4))));
    BOOST_TEST(says(refused({.send_certificate = false}, delegate), "certificate of its signer is missing"));
}

BOOST_FIXTURE_TEST_CASE(an_answer_about_somebody_else, House)
{
    auto out = read(make_ocsp(ann.certificate, ca, ca));
    BOOST_REQUIRE(!out);
    BOOST_TEST(says(out.error().why, "another certificate"));
    BOOST_TEST(!read(make_ocsp(jo.certificate, other, ca)));
    // SHA-512 names are none we ask for.
    BOOST_TEST(!read(make_ocsp(jo.certificate, ca, ca, {.id_digest = EVP_sha512()})));
}

BOOST_FIXTURE_TEST_CASE(nonces, House)
{
    const std::string ours(16, 'n'), theirs(16, 'x');
    BOOST_TEST((fact({.nonce = ours}, ca, ours).state == Fact::good));
    BOOST_TEST((fact({}, ca, ours).state == Fact::good));
    BOOST_TEST((fact({.nonce = theirs}, ca).state == Fact::good));
    BOOST_TEST(says(refused({.nonce = theirs}, ca, ours), "nonce is not the one sent"));
}

BOOST_FIXTURE_TEST_CASE(dates_and_the_longest_time_an_answer_holds, House)
{
    using std::chrono::hours;
    BOOST_TEST(says(refused({.from_minutes = 60, .to_minutes = 90}, ca), "in the future"));
    BOOST_TEST((fact({.from_minutes = 3}, ca).state == Fact::good));
    Fact old = fact({.from_minutes = -120, .to_minutes = -60}, ca);
    BOOST_TEST((old.state == Fact::good));
    BOOST_TEST((old.until < test_now()));
    Fact none = fact({.next_update = false}, ca);
    BOOST_TEST((none.until > test_now() + hours(22) && none.until < test_now() + hours(24)));
    Fact year = fact({.to_minutes = 365 * 1440}, ca);
    BOOST_TEST((year.until > test_now() + hours(9 * 24) && year.until < test_now() + hours(10 * 24)));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_answer, House)
{
    BOOST_TEST(says(refused({.response_status = OCSP_RESPONSE_STATUS_TRYLATER}, ca), "responder refuses"));
    BOOST_TEST(
        says(refused({.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED}, ca), "responder refuses"));
    BOOST_TEST(says(refused({.digest = "SHA1"}, ca), "weak or unknown algorithm"));
    BOOST_TEST(says(refused({.strange_critical = true}, ca), "critical extension"));
    std::string der = make_ocsp(jo.certificate, ca, ca);
    BOOST_TEST(!read(""));
    BOOST_TEST(!read("<html>"));
    BOOST_TEST(!read(der + "x"));
    BOOST_TEST(!read(der.substr(0, der.size() - 3)));
    // Whatever is changed, it never becomes another answer.
    for (std::size_t i = 0; i < der.size(); ++i) {
        std::string changed = der;
        changed[i] ^= 1;
        auto out = read(changed);
        BOOST_TEST((!out || out->state == Fact::good), i);
    }
}

BOOST_FIXTURE_TEST_CASE(a_request_names_one_certificate, House)
{
    auto der = ocsp_request(jo.certificate, ca.certificate, "0123456789abcdef");
    BOOST_REQUIRE(der);
    const auto* p = reinterpret_cast<const unsigned char*>(der->data());
    Handle<OCSP_REQUEST, &OCSP_REQUEST_free> request(d2i_OCSP_REQUEST(nullptr, &p, long(der->size())));
    BOOST_REQUIRE(request);
    BOOST_TEST(OCSP_request_onereq_count(request.get()) == 1);
    Handle<OCSP_CERTID, &OCSP_CERTID_free> id(
        OCSP_cert_to_id(EVP_sha1(), jo.certificate.x509(), ca.certificate.x509()));
    BOOST_TEST(OCSP_id_cmp(id.get(), OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), 0))) == 0);
    BOOST_TEST(OCSP_REQUEST_get_ext_by_NID(request.get(), NID_id_pkix_OCSP_Nonce, -1) >= 0);
    BOOST_REQUIRE(ocsp_request(jo.certificate, ca.certificate, ""));
}

BOOST_AUTO_TEST_CASE(places_a_certificate_names)
{
    Issued ca = issue({.name = "ca", .ca = true}, rsa_key(0));
    Issued c = issue(
        {.name = "c",
         .more = {{NID_crl_distribution_points, "URI:http://a/1.crl,URI:ldap://a/x,URI:HTTPS://a/2.crl"},
                  {NID_info_access,
                   "OCSP;URI:http://o/,OCSP;URI:ftp://o/,caIssuers;URI:http://i/ca.p7c,"
                   "caIssuers;URI:ldap://i/"}}},
        ec_key(), &ca);
    auto places = revocation_places(c.certificate);
    BOOST_TEST(places.responders == (std::vector<std::string>{"http://o/"}),
               boost::test_tools::per_element());
    BOOST_TEST(places.lists.size() == 2u);
    BOOST_TEST(places.lists.at(1).urls.at(0) == "HTTPS://a/2.crl");
    BOOST_TEST(places.notes.size() == 2u);
    BOOST_TEST(issuer_places(c.certificate) == (std::vector<std::string>{"http://i/ca.p7c"}),
               boost::test_tools::per_element());
    BOOST_TEST(revocation_places(ca.certificate).lists.empty());
}
