#include "tests/unit/smime/other_side.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Issued root = issue({.name = "root", .ca = true}, ec_key());
    Issued rsa = issue({.name = "rsa", .san = {"DNS:d.example"}}, rsa_key(0), &root);
    Issued p256 = issue({.name = "p256"}, ec_key("P-256"), &root);
    Issued p384 = issue({.name = "p384"}, ec_key("P-384"), &root);
    OtherSide other;
    CertificateCache cache;

    Fixture() { other.add("root", root); }
    Verified verify(std::string_view content, const std::string& der)
    {
        auto v = verify_detached(content, der, {}, cache, false);
        BOOST_REQUIRE_MESSAGE(v, v.error().why);
        return *v;
    }
};

}  // namespace

#define CHECK_REASON(expression, expected) BOOST_TEST(token_of(expression) == token_of(Reason::expected))

BOOST_FIXTURE_TEST_SUITE(signing, Fixture)

namespace {

struct Parts {
    std::string header, first, signature;
};

Parts take_apart(const std::string& entity)
{
    Parts out;
    std::size_t body = entity.find("\r\n\r\n");
    out.header = entity.substr(0, body);
    std::size_t from = out.header.find("boundary=\"") + 10;
    std::string mark = "--" + out.header.substr(from, out.header.find('"', from) - from);
    std::size_t first = entity.find(mark + "\r\n", body) + mark.size() + 2;
    std::size_t second = entity.find("\r\n" + mark + "\r\n", first);
    std::size_t end = entity.find("\r\n" + mark + "--\r\n", second);
    BOOST_REQUIRE(end != std::string::npos);
    BOOST_TEST(end + mark.size() + 6 == entity.size());
    out.first = entity.substr(first, second - first);
    out.signature = entity.substr(second + mark.size() + 4, end - second - mark.size() - 4);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_other_side_verifies_what_we_sign)
{
    CountingGate gate;
    const std::vector<std::pair<const char*, const char*>> digests{
        {"sha256", "sha-256"}, {"sha384", "sha-384"}, {"sha512", "sha-512"}};
    for (auto [digest, micalg] : digests)
        for (const Issued& who : {rsa, p256, p384}) {
            OwnKey key = own(who);
            key.chain = {root.certificate, who.certificate};
            auto signed_entity = signed_whole(entity(), key, digest, gate);
            BOOST_REQUIRE(signed_entity);
            other.put("mail", *signed_entity);
            // Without -binary: with it, OpenSSL's reader refuses CRLF mail of its own making too.
            other.cms("-verify -in mail -CAfile root.crt -purpose any -out verified");
            BOOST_TEST(to_crlf(other.get("verified")) == entity());
            Parts parts = take_apart(*signed_entity);
            BOOST_TEST(parts.first == entity());
            BOOST_TEST(parts.header.find("multipart/signed; protocol=\"application/pkcs7-signature\"") !=
                       std::string::npos);
            BOOST_TEST(parts.header.find(std::string("micalg=") + micalg + ";") != std::string::npos);
            std::string der = *unbase64(parts.signature.substr(parts.signature.find("\r\n\r\n")));
            Verified v = verify(parts.first, der);
            BOOST_TEST(v.any_good());
            BOOST_TEST(v.signers[0].digest == digest);
            BOOST_TEST(v.certificates.size() == 2u);
        }
    BOOST_TEST(gate.entered == 9);
    BOOST_TEST(gate.left == 9);
    BOOST_TEST(ERR_peek_error() == 0u);
}

BOOST_AUTO_TEST_CASE(capabilities_speak_of_aes_only)
{
    CountingGate gate;
    Parts parts = take_apart(*signed_whole(entity(), own(rsa), "sha256", gate));
    other.put("s.der", *unbase64(parts.signature.substr(parts.signature.find("\r\n\r\n"))));
    std::string printed = other.cms("-cmsout -print -inform DER -in s.der");
    std::size_t at = printed.find("S/MIME Capabilities");
    BOOST_REQUIRE(at != std::string::npos);
    for (const char* word : {"aes-256-cbc", "aes-128-cbc", "aes-256-gcm"})
        BOOST_TEST(printed.find(word, at) != std::string::npos, word);
    for (const char* word : {"des", "rc2"}) BOOST_TEST(printed.find(word, at) == std::string::npos, word);
}

BOOST_AUTO_TEST_CASE(only_canonical_line_ends_are_signed_and_boundaries_differ)
{
    CountingGate gate;
    for (const char* bad : {"Subject: x\n\nbody\n", "a\r\nb\r", "a\rb\r\n"})
        BOOST_TEST(!sign_entity({"A: b\r\n\r\n", bad}, own(rsa), "sha256", gate));
    BOOST_TEST(gate.entered == 0);
    auto a = take_apart(*signed_whole(entity(), own(rsa), "sha256", gate));
    auto b = take_apart(*signed_whole(entity(), own(rsa), "sha256", gate));
    BOOST_TEST(a.header != b.header);
}

BOOST_AUTO_TEST_CASE(pieces_are_signed_as_one)
{
    CountingGate gate;
    std::string_view all = entity();
    auto cut = all.find('\n') + 1;
    auto frame = sign_entity({all.substr(0, cut), all.substr(cut)}, own(rsa), "sha256", gate);
    BOOST_REQUIRE(frame);
    auto parts = take_apart(frame->before + entity() + frame->after);
    BOOST_TEST(
        verify(parts.first, *unbase64(parts.signature.substr(parts.signature.find("\r\n\r\n")))).any_good());
}

BOOST_AUTO_TEST_CASE(weak_digests_and_a_closed_gate)
{
    CountingGate gate;
    BOOST_TEST(!sign_entity({entity()}, own(rsa), "sha1", gate));
    BOOST_TEST(!sign_entity({entity()}, own(rsa), "md5", gate));
    gate.open = false;
    auto closed = sign_entity({entity()}, own(rsa), "sha256", gate);
    BOOST_REQUIRE(!closed);
    CHECK_REASON(closed.error().reason, temporary);
    // A key that is not the certificate's is trouble of ours, not a signature.
    gate.open = true;
    OwnKey wrong = own(rsa);
    wrong.key = rsa_key(1);
    BOOST_TEST(!sign_entity({entity()}, wrong, "sha256", gate));
}

BOOST_AUTO_TEST_SUITE_END()
