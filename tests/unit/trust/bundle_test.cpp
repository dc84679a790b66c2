// Trust bundles in every shape the field publishes, and in those an attacker would.
#include "policy/trust/bundle.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/support/test_bundle.h"

using namespace direct;
using namespace direct::test;

namespace {

using Certificates = std::vector<Certificate>;

struct Fixture {
    Key key = rsa_key();
    Issued a = issue({.name = "A", .ca = true}, key), b = issue({.name = "B", .ca = true}, ec_key());
    Issued signer_ca = issue({.name = "Signer CA", .ca = true}, rsa_key(1));
    Issued signer = issue({.name = "Signer", .key_usage = "digitalSignature"}, rsa_key(2), &signer_ca);
    Issued other = issue({.name = "Other", .key_usage = "digitalSignature"}, ec_key(), &signer_ca);
    Certificates both = {a.certificate, b.certificate};
    std::string plain = p7b({both});

    Result<Bundle> read(const std::string& bytes, const Certificates& signers = {},
                        const BundleLimits& limits = {})
    {
        auto out = read_bundle(bytes, signers, test_now(), limits);
        BOOST_TEST(ERR_peek_error() == 0u);
        return out;
    }
    void gives_both(const std::string& bytes, const Certificates& signers = {})
    {
        auto out = read(bytes, signers);
        BOOST_REQUIRE_MESSAGE(out, (out ? "" : out.error().why));
        auto got = out->anchors, want = both;
        std::sort(got.begin(), got.end());
        std::sort(want.begin(), want.end());
        BOOST_TEST((got == want));
        BOOST_TEST(out->signer == (signers.empty() ? "" : signers.front().fingerprint()));
    }
    void refuses(const std::string& bytes, Reason reason, const Certificates& signers = {},
                 const BundleLimits& limits = {})
    {
        auto out = read(bytes, signers, limits);
        BOOST_REQUIRE(!out);
        BOOST_TEST((out.error().reason == reason), out.error().why);
    }
    Certificates named(const Issued& i) { return {i.certificate}; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bundles, Fixture)

BOOST_AUTO_TEST_CASE(unsigned_in_every_encoding)
{
    gives_both(plain);
    gives_both(plain + "\r\n");
    gives_both(p7b({both, "", true}));
    gives_both(pem_bundle(plain));
    gives_both(pem_bundle(plain, "CMS"));
    gives_both(pem_bundle(plain, "PKCS #7 SIGNED DATA"));
    gives_both("\xef\xbb\xbfProviders of our community\n\n" + pem_bundle(plain) + "that was all\n");
    gives_both(base64(plain, 64));
    gives_both(base64(plain));
    gives_both("Bundle of today\nMIT and others\n\n" + base64(plain, 76) + "\nEnd of it\n");
}

BOOST_AUTO_TEST_CASE(metadata_is_text_and_changes_nothing)
{
    std::string xml =
        "<?xml version=\"1.0\"?><TrustBundle><!-- \xc3\xa4 --><Include>all</Include></TrustBundle>";
    for (bool indefinite : {false, true}) {
        auto bytes = p7b({both, xml, indefinite});
        gives_both(bytes);
        BOOST_TEST(read(bytes)->metadata == xml);
        gives_both(p7m(bytes, {{&signer}}), named(signer));
        BOOST_TEST(read(p7m(bytes, {{&signer}}), named(signer))->metadata == xml);
    }
    auto odd = read(p7b({both, std::string("\xff\xfe\0x", 4)}));
    BOOST_REQUIRE(odd);
    BOOST_TEST((odd->metadata.empty() && odd->findings.size() == 1u));
    // A certificate in base64 inside the text is text.
    gives_both(p7b({both, "<Cert>\n" + base64(other.certificate.der(), 64) + "\n</Cert>"}));
}

BOOST_AUTO_TEST_CASE(signed_with_the_inner_list_in_every_encoding)
{
    for (const auto& inner : {plain, p7b({both, "", true}), pem_bundle(plain), base64(plain, 64)})
        for (bool indefinite : {false, true})
            for (bool attributes : {true, false}) {
                auto bytes = p7m(inner, {{&signer}, "SHA256", attributes, true, indefinite});
                gives_both(bytes, named(signer));
                gives_both(pem_bundle(bytes), named(signer));
            }
    for (const char* digest : {"SHA384", "SHA512"})
        gives_both(p7m(plain, {{&signer}, digest}), named(signer));
    gives_both(p7m(plain, {{&other}}), named(other));                           // elliptic
    gives_both(p7m(plain, {{&signer}, "SHA256", true, false}), named(signer));  // brings no certificate
}

BOOST_AUTO_TEST_CASE(hole_5b_the_signers_certificate_is_no_anchor)
{
    // Signed by a CA, which could be an anchor: it stands beside the signature and stays out.
    auto bytes = p7m(plain, {{&signer_ca}});
    gives_both(bytes, named(signer_ca));
    auto out = read(bytes);  // no signer configured
    BOOST_REQUIRE(out);
    BOOST_TEST(out->anchors.size() == 2u);
    BOOST_TEST(!std::count(out->anchors.begin(), out->anchors.end(), signer_ca.certificate));
    BOOST_TEST(out->findings.front().find("no signer is configured") != std::string::npos);
    // Certificates beside a signature over a text are covered by nothing.
    refuses(p7m("just text", {{&signer}, "SHA256", true, true, false, both}), Reason::malformed,
            named(signer));
    refuses(p7m("just text", {{&signer}, "SHA256", true, true, false, both}), Reason::malformed);
}

BOOST_AUTO_TEST_CASE(hole_5_unsigned_is_refused_when_a_signer_is_named)
{
    refuses(plain, Reason::not_signed, named(signer));
    refuses(pem_bundle(plain), Reason::not_signed, named(signer));
    refuses(p7b({{signer.certificate, a.certificate}}), Reason::not_signed, named(signer));
    // An unsigned message around the list is unsigned too.
    refuses(p7b({{}, plain}), Reason::not_signed, named(signer));
    gives_both(p7b({{signer_ca.certificate}, plain}));
}

BOOST_AUTO_TEST_CASE(only_a_named_signer_counts)
{
    refuses(p7m(plain, {{&other}}), Reason::bad_signature, named(signer));
    // Neither the CA above it, which others have certificates of, nor another key under the same name and serial.
    refuses(p7m(plain, {{&signer}}), Reason::bad_signature, named(signer_ca));
    Issued twin = issue({.name = "Signer",
                         .key_usage = "digitalSignature",
                         .serial = ASN1_INTEGER_get(X509_get0_serialNumber(signer.certificate.x509()))},
                        rsa_key(3), &signer_ca);
    refuses(p7m(plain, {{&twin}}), Reason::bad_signature, named(signer));
    // Present and next signer; several signatures of which one is his.
    gives_both(p7m(plain, {{&signer}}), {signer.certificate, other.certificate});
    gives_both(p7m(plain, {{&other, &signer}}), named(signer));
    gives_both(p7m(plain, {{&signer, &twin}}), named(signer));
}

BOOST_AUTO_TEST_CASE(changed_bytes_are_refused)
{
    auto bytes = p7m(plain, {{&signer}});
    Issued strange = issue({.name = "A", .ca = true}, rsa_key(4));
    auto changed = bytes;
    auto at = changed.find(std::string(a.certificate.der().substr(a.certificate.der().size() - 40)));
    BOOST_REQUIRE(at != std::string::npos);
    changed[at + 5] ^= 1;
    auto out = read(changed, named(signer));
    BOOST_REQUIRE(!out);
    BOOST_TEST((out.error().reason == Reason::bad_signature));
    // The signature of one list under another list.
    auto other_list = p7b({{strange.certificate, b.certificate}});
    if (other_list.size() == plain.size()) {
        auto moved = bytes;
        moved.replace(moved.find(plain), plain.size(), other_list);
        refuses(moved, Reason::bad_signature, named(signer));
    }
}

BOOST_AUTO_TEST_CASE(weak_signatures_and_unfit_signers)
{
    for (const char* digest : {"SHA1", "MD5"})
        refuses(p7m(plain, {{&signer}, digest}), Reason::weak_algorithm, named(signer));
    Issued old = issue({.name = "old", .from_days = -9, .to_days = -1}, key);
    Issued future = issue({.name = "future", .from_days = 2}, key);
    Issued weak = issue({.name = "weak"}, rsa_key(0, 1024));
    Issued sealing = issue({.name = "seal", .key_usage = "keyEncipherment"}, key);
    refuses(p7m(plain, {{&old}}), Reason::expired, named(old));
    refuses(p7m(plain, {{&future}}), Reason::not_yet_valid, named(future));
    refuses(p7m(plain, {{&weak}}), Reason::weak_key, named(weak));
    refuses(p7m(plain, {{&sealing}}), Reason::bad_usage, named(sealing));
}

BOOST_AUTO_TEST_CASE(unfit_anchors_are_left_out_and_told)
{
    Certificates mixed = both;
    mixed.push_back(issue({.name = "Old", .ca = true, .from_days = -9, .to_days = -1}, key).certificate);
    mixed.push_back(issue({.name = "Leaf", .san = {"DNS:d.example"}}, key).certificate);
    mixed.push_back(issue({.name = "Weak", .ca = true}, rsa_key(0, 1024)).certificate);
    mixed.push_back(a.certificate);
    auto out = read(p7b({mixed}));
    BOOST_REQUIRE(out);
    BOOST_TEST(out->anchors.size() == 2u);
    std::string told = join(out->findings, "\n");
    for (const char* word :
         {"Old: expired on", "Leaf: is no certificate authority", "Weak: its key is too weak"})
        BOOST_TEST(told.find(word) != std::string::npos, told);
    BOOST_TEST(told.find("more than once") != std::string::npos, told);
    auto short_list = read(p7b({mixed}), {}, {.findings = 1});
    BOOST_TEST(short_list->findings.size() == 2u);
    BOOST_TEST(short_list->findings.back() == "and 3 more");
}

BOOST_AUTO_TEST_CASE(a_bundle_without_usable_anchor_is_refused)
{
    refuses(p7b({{}}), Reason::malformed);
    refuses(p7b({{issue({.name = "Leaf"}, key).certificate}}), Reason::malformed);
}

BOOST_AUTO_TEST_CASE(limits)
{
    refuses(plain, Reason::too_large, {}, {.bytes = plain.size() - 1});
    gives_both(plain);
    refuses(plain, Reason::too_large, {}, {.certificates = 1});
    refuses(p7m(plain, {{&signer, &other}}), Reason::too_large, named(signer), {.signers = 1});
    auto text = read(p7b({both, std::string(100, 'x')}), {}, {.metadata = 99});
    BOOST_REQUIRE(text);
    BOOST_TEST((text->metadata.empty() && text->findings.size() == 1u));
}

BOOST_AUTO_TEST_CASE(what_is_no_bundle)
{
    for (const auto& bytes : {std::string(), std::string("x"), std::string("<html>MIIB is not found</html>"),
                              std::string(5000, 'A'), plain.substr(0, plain.size() / 2), plain + "x",
                              std::string(a.certificate.der()), pem_of(a.certificate),
                              base64(plain.substr(0, 300), 64), std::string("-----BEGIN PKCS7-----\nMIIB")})
        refuses(bytes, Reason::malformed);
    // A signed message inside the signed message.
    refuses(p7m(p7m(plain, {{&other}}), {{&signer}}), Reason::malformed, named(signer));
    // A detached signature has no content to read.
    refuses(p7m("", {{&signer}}), Reason::malformed, named(signer));
}

BOOST_AUTO_TEST_SUITE_END()
