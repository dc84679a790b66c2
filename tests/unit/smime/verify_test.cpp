#include <set>

#include "milter/base/crypto.h"
#include "milter/smime/ber.h"
#include "tests/unit/smime/other_side.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Issued root = issue({.name = "root", .ca = true}, ec_key());
    Issued rsa = issue({.name = "rsa", .san = {"DNS:d.example"}}, rsa_key(0), &root);
    Issued rsa2 = issue({.name = "rsa two", .san = {"DNS:d.example"}}, rsa_key(1), &root);
    Issued p256 = issue({.name = "p256"}, ec_key("P-256"), &root);
    Issued p384 = issue({.name = "p384"}, ec_key("P-384"), &root);
    Issued p521 = issue({.name = "p521"}, ec_key("P-521"), &root);
    OtherSide other;
    CertificateCache cache;
    CmsLimits limits;

    Fixture()
    {
        other.add("rsa", rsa);
        other.add("rsa2", rsa2);
        other.add("p256", p256);
        other.add("p384", p384);
        other.add("p521", p521);
        other.add("root", root);
    }
    std::string signature(const std::string& arguments, const std::string& who = "rsa")
    {
        return other.sign(entity(), "-signer " + who + ".crt -inkey " + who + ".key " + arguments);
    }
    Verified verify(std::string_view content, const std::string& der, bool allow_sha1 = false)
    {
        auto v = verify_detached(content, der, limits, cache, allow_sha1);
        BOOST_TEST(ERR_peek_error() == 0u);
        BOOST_REQUIRE_MESSAGE(v, v.error().why);
        return *v;
    }
    Reason only_reason(const std::string& der, bool allow_sha1 = false)
    {
        Verified v = verify(entity(), der, allow_sha1);
        BOOST_REQUIRE(v.signers.size() == 1u);
        return v.signers[0].reason;
    }
};

/// The same elements with indefinite lengths, but for those that must stay as they are.
std::string with_indefinite_lengths(std::string_view der, const std::set<std::string_view>& but)
{
    std::string out;
    for (ber::Reader r(der); !r.at_end();) {
        auto e = r.next();
        BOOST_REQUIRE(e);
        if (but.contains(e->whole) || !e->is_constructed())
            out += e->whole;
        else
            out += char(e->tag) + std::string("\x80") + with_indefinite_lengths(e->content, but) +
                   std::string(2, '\0');
    }
    return out;
}

}  // namespace

#define CHECK_REASON(expression, expected) BOOST_TEST(token_of(expression) == token_of(Reason::expected))

BOOST_FIXTURE_TEST_SUITE(verifying, Fixture)

BOOST_AUTO_TEST_CASE(every_algorithm_of_the_other_side)
{
    for (const char* who : {"rsa", "p256", "p384", "p521"})
        for (const char* md : {"sha256", "sha384", "sha512"})
            for (const char* more : {"", "-keyid", "-nosmimecap", "-noattr"}) {
                Verified v = verify(entity(), signature(std::string("-md ") + md + " " + more, who));
                BOOST_REQUIRE(v.signers.size() == 1u);
                BOOST_TEST(v.any_good(), who << " " << md << " " << more << ": " << v.signers[0].detail);
                BOOST_TEST(v.signers[0].digest == md);
                // Whatever the signer used: a repeat is known by it although another signer is accepted then.
                BOOST_TEST(v.content_sha256 == sha256(entity()));
                BOOST_REQUIRE(v.signers[0].certificate);
                BOOST_TEST(v.signers[0].certificate->subject() == std::string("CN=") + who);
            }
    for (const char* md : {"sha256", "sha384", "sha512"})
        for (const char* salt : {"", "-keyopt rsa_pss_saltlen:-1", "-keyopt rsa_pss_saltlen:0"})
            CHECK_REASON(
                only_reason(signature(std::string("-keyopt rsa_padding_mode:pss -md ") + md + " " + salt)),
                accepted);
}

// BER as other libraries stream it: every length indefinite, in the signed attributes too.
BOOST_AUTO_TEST_CASE(indefinite_lengths_everywhere)
{
    for (const char* more : {"-nosmimecap", "-noattr", "-nosmimecap -keyid"}) {
        std::string ber =
            with_indefinite_lengths(signature(more), {rsa.certificate.der(), rsa.certificate.issuer_der()});
        BOOST_TEST(ber[1] == '\x80');
        Verified v = verify(entity(), ber);
        BOOST_REQUIRE(v.signers.size() == 1u);
        BOOST_TEST(v.any_good(), more << v.signers[0].detail);
        BOOST_TEST(!verify("other", ber).any_good());
    }
}

BOOST_AUTO_TEST_CASE(sha1_and_md5)
{
    std::string sha1 = signature("-md sha1");
    CHECK_REASON(only_reason(sha1), weak_algorithm);
    CHECK_REASON(only_reason(sha1, true), accepted);
    CHECK_REASON(only_reason(signature("-md sha1 -keyopt rsa_padding_mode:pss")), weak_algorithm);
    // Weak and wrong is wrong.
    BOOST_TEST((verify("other", sha1).signers[0].reason == Reason::bad_signature));
    std::string md5 = signature("-md md5");
    // Nothing verified it: a token of its own would tell the peer about bytes that no signature covers.
    CHECK_REASON(only_reason(md5), bad_signature);
    CHECK_REASON(only_reason(md5, true), bad_signature);
}

BOOST_AUTO_TEST_CASE(other_content_does_not_verify)
{
    for (const char* more : {"", "-noattr", "-keyopt rsa_padding_mode:pss"}) {
        std::string der = signature(more);
        flip_bytes(entity(), 97, [&](const std::string& changed, std::size_t at) {
            BOOST_TEST(!verify(changed, der).any_good(), at);
        });
        BOOST_TEST(!verify("", der).any_good());
        BOOST_TEST(!verify(entity() + " ", der).any_good());
        CHECK_REASON(verify("", der).signers[0].reason, bad_signature);
    }
}

// A flipped bit may fall on what nothing depends on (a version number, unused certificate bytes): what is
// then accepted must still be the same signer.
BOOST_AUTO_TEST_CASE(a_damaged_signature_accepts_nobody_else)
{
    std::string der = signature("");
    std::set<std::string> tokens;
    flip_bytes(der, 1, [&](const std::string& changed, std::size_t) {
        auto v = verify_detached(entity(), changed, limits, cache, false);
        if (!v) {
            tokens.insert(std::string(v.error().token()));
            return;
        }
        for (const auto& s : v->signers) {
            tokens.insert(std::string(token_of(s.reason)));
            if (s.reason == Reason::accepted)
                BOOST_TEST(EVP_PKEY_eq(X509_get0_pubkey(s.certificate->x509()), rsa.key.get()) == 1);
        }
    });
    for (const char* token : {"malformed", "bad-signature", "no-sender-certificate"})
        BOOST_TEST(tokens.contains(token), token);
}

BOOST_AUTO_TEST_CASE(the_damage_to_signature_bytes_or_attributes_is_seen)
{
    std::string der = signature("-nocerts");
    // Without certificates inside nothing can be found; bring it back by signing with certificate instead.
    CHECK_REASON(only_reason(der), no_sender_certificate);
    std::string whole = signature("");
    for (std::size_t back = 1; back <= 256; back += 5) {
        std::string changed = whole;
        changed[whole.size() - back] ^= 4;
        CHECK_REASON(only_reason(changed), bad_signature);
    }
}

BOOST_AUTO_TEST_CASE(every_signer_is_judged_alone_in_any_order)
{
    // Signatures of two, of which one was made over something else.
    other.put("other", "other content");
    auto two = [&](const std::string& first, const std::string& second) {
        other.put("content", entity());
        other.cms("-sign -binary -in content -outform DER -out a.der -signer " + first + ".crt -inkey " +
                  first + ".key -signer " + second + ".crt -inkey " + second + ".key");
        return other.get("a.der");
    };
    Verified both = verify(entity(), two("rsa", "p256"));
    BOOST_REQUIRE(both.signers.size() == 2u);
    BOOST_TEST((both.signers[0].reason == Reason::accepted && both.signers[1].reason == Reason::accepted));
    // Break one of them by its signature's bytes: the encoding of the other stays whole.
    std::string der = two("rsa", "rsa2");
    std::vector<std::size_t> at;
    for (std::size_t p = 0; (p = der.find(std::string("\x04\x82\x01\x00", 4), p)) != std::string::npos;
         p += 4)
        at.push_back(p + 50);
    BOOST_REQUIRE(at.size() == 2u);
    for (std::size_t broken : {0u, 1u}) {
        std::string changed = der;
        changed[at[broken]] ^= 1;
        Verified v = verify(entity(), changed);
        BOOST_REQUIRE(v.signers.size() == 2u);
        CHECK_REASON(v.signers[broken].reason, bad_signature);
        CHECK_REASON(v.signers[1 - broken].reason, accepted);
        BOOST_TEST(v.any_good());
    }
}

BOOST_AUTO_TEST_CASE(a_signer_without_certificate_does_not_hide_another)
{
    other.put("content", entity());
    other.cms("-sign -binary -in content -outform DER -out one.der -signer rsa.crt -inkey rsa.key -nocerts");
    other.cms(
        "-resign -binary -inform DER -in one.der -content content -outform DER -out two.der -signer p256.crt"
        " -inkey p256.key");
    Verified v = verify(entity(), other.get("two.der"));
    BOOST_REQUIRE(v.signers.size() == 2u);
    std::set<std::string_view> tokens{token_of(v.signers[0].reason), token_of(v.signers[1].reason)};
    BOOST_TEST((tokens == std::set<std::string_view>{"accepted", "no-sender-certificate"}));
    BOOST_TEST(v.any_good());
}

BOOST_AUTO_TEST_CASE(all_certificates_come_along_once_a_signature_fits)
{
    std::string der = signature("-certfile root.crt");
    Verified v = verify(entity(), der);
    BOOST_TEST((std::set<Certificate>(v.certificates.begin(), v.certificates.end()) ==
                std::set<Certificate>{rsa.certificate, root.certificate}));
    BOOST_TEST(verify("other", der).certificates.empty());
}

BOOST_AUTO_TEST_CASE(exact_bytes_first_then_canonical_line_ends)
{
    std::string mixed = "Content-Type: text/plain\r\n\r\nbare\nline ends\n", canonical = to_crlf(mixed);
    const std::string who = "-signer rsa.crt -inkey rsa.key";
    BOOST_TEST(verify(mixed, other.sign(mixed, who)).any_good());
    BOOST_TEST(verify(mixed, other.sign(canonical, who)).any_good());
    // Not the other way round: bytes that are canonical stand for themselves only.
    BOOST_TEST(!verify(canonical, other.sign(mixed, who)).any_good());
}

BOOST_AUTO_TEST_CASE(opaque_signatures_bring_their_content)
{
    other.put("content", entity());
    for (const char* more : {"", "-stream -indef", "-noattr", "-md sha512"}) {
        other.cms(std::string("-sign -nodetach -binary -in content -outform DER -out o.der -signer rsa.crt "
                              "-inkey rsa.key ") +
                  more);
        std::string der = other.get("o.der");
        auto v = verify_opaque(der, limits, cache, false);
        BOOST_REQUIRE(v);
        BOOST_TEST(v->any_good(), more);
        BOOST_TEST(v->content == entity());
        std::string changed = der;
        changed[der.find("quick brown")] ^= 1;
        auto bad = verify_opaque(changed, limits, cache, false);
        BOOST_REQUIRE(bad);
        BOOST_TEST(!bad->any_good());
        // As a detached signature it is refused: which of two contents would have been signed?
        BOOST_TEST(!verify_detached(entity(), der, limits, cache, false));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_signature)
{
    other.put("plain", "x");
    other.cms("-encrypt -aes-256-cbc -binary -in plain -outform DER -out e.der -recip rsa.crt");
    auto enveloped = verify_opaque(other.get("e.der"), limits, cache, false);
    BOOST_REQUIRE(!enveloped);
    CHECK_REASON(enveloped.error().reason, not_signed);
    auto detached = verify_opaque(signature(""), limits, cache, false);
    BOOST_REQUIRE(!detached);
    CHECK_REASON(detached.error().reason, malformed);
    std::string der = signature("");
    for (std::size_t cut = 0; cut < der.size(); cut += 13) {
        auto v = verify_detached(entity(), der.substr(0, cut), limits, cache, false);
        BOOST_REQUIRE(!v);
        CHECK_REASON(v.error().reason, malformed);
    }
    BOOST_TEST(!verify_detached(entity(), der + "x", limits, cache, false));
    limits.infos = 0;
    BOOST_TEST(!verify_detached(entity(), der, limits, cache, false));
}

// A time stamp or another protocol's signature by the same signer says nothing about mail.
BOOST_AUTO_TEST_CASE(other_content_types_are_refused)
{
    auto v = verify_detached(entity(), signature("-econtent_type 1.2.3.4"), limits, cache, false);
    BOOST_REQUIRE(!v);
    CHECK_REASON(v.error().reason, malformed);
}

// The signed attributes of one message shown as the content of a signature without attributes.
BOOST_AUTO_TEST_CASE(attributes_do_not_pass_for_content)
{
    std::string attributes = std::string("\x31\x03\x02\x01\x05", 5);
    std::string der = other.sign(attributes, "-noattr -signer rsa.crt -inkey rsa.key");
    auto v = verify_detached(attributes, der, limits, cache, false);
    BOOST_REQUIRE(v);
    BOOST_TEST(!v->any_good());
}

BOOST_AUTO_TEST_CASE(certificates_that_cannot_be_read_are_left_out)
{
    std::string der = signature("-certfile root.crt");
    std::string root_der(root.certificate.der());
    std::size_t at = der.find(root_der);
    BOOST_REQUIRE(at != std::string::npos);
    // Its algorithm's tag: no certificate any more, the lengths around it stay right.
    std::string changed = der;
    changed[at + 4] = '\x04';
    Verified v = verify(entity(), changed);
    BOOST_TEST(v.any_good());
    BOOST_TEST((v.certificates == std::vector<Certificate>{rsa.certificate}));
}

BOOST_AUTO_TEST_SUITE_END()
