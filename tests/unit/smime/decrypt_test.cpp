#include <set>

#include "tests/unit/smime/other_side.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Fixture {
    Issued rsa = issue({.name = "rsa", .san = {"DNS:d.example"}}, rsa_key(0));
    Issued rsa2 = issue({.name = "rsa two", .san = {"DNS:d.example"}}, rsa_key(1));
    Issued p256 = issue({.name = "p256", .san = {"DNS:d.example"}}, ec_key("P-256"));
    Issued p384 = issue({.name = "p384", .san = {"DNS:d.example"}}, ec_key("P-384"));
    OwnKey rsa_own = own(rsa), rsa2_own = own(rsa2), p256_own = own(p256), p384_own = own(p384);
    OtherSide other;
    CountingGate gate;
    CmsLimits limits;

    Fixture()
    {
        other.add("rsa", rsa);
        other.add("rsa2", rsa2);
        other.add("p256", p256);
        other.add("p384", p384);
    }
    Result<Opened> open(const std::string& der, const std::vector<std::vector<const OwnKey*>>& candidates)
    {
        auto result = open_enveloped(der, candidates, limits, gate);
        BOOST_TEST(gate.entered == gate.left);
        BOOST_TEST(ERR_peek_error() == 0u);
        return result;
    }
    Reason refusal(const std::string& der, const std::vector<std::vector<const OwnKey*>>& candidates)
    {
        auto result = open(der, candidates);
        return result ? Reason::accepted : result.error().reason;
    }
};

}  // namespace

#define CHECK_REASON(expression, expected) BOOST_TEST(token_of(expression) == token_of(Reason::expected))

BOOST_FIXTURE_TEST_SUITE(decrypting, Fixture)

BOOST_AUTO_TEST_CASE(every_cipher_and_key_transport_of_the_other_side)
{
    struct Way {
        const char *arguments, *name;
        const OwnKey* key;
    };
    const std::vector<Way> ways{
        {"-recip rsa.crt", "rsa-pkcs1", &rsa_own},
        {"-recip rsa.crt -keyid", "rsa-pkcs1", &rsa_own},
        {"-recip rsa.crt -keyopt rsa_padding_mode:oaep", "rsa-oaep-sha1", &rsa_own},
        {"-recip rsa.crt -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256", "rsa-oaep-sha256",
         &rsa_own},
        {"-recip rsa.crt -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
         "rsa-oaep-sha256", &rsa_own},
        {"-recip p256.crt", "ecdh-sha1", &p256_own},
        {"-recip p256.crt -keyopt ecdh_kdf_md:sha256", "ecdh-sha256", &p256_own},
        {"-recip p384.crt -keyopt ecdh_kdf_md:sha256 -keyid", "ecdh-sha256", &p384_own},
        {"-recip p384.crt -keyopt ecdh_kdf_md:sha384 -keyopt ecdh_cofactor_mode:1", "ecdh-sha384", &p384_own},
    };
    const char* ciphers[] = {"aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm"};
    for (const auto& way : ways)
        for (const char* cipher : ciphers) {
            std::string der = other.encrypt(entity(), std::string("-") + cipher + " " + way.arguments);
            auto opened = open(der, {{way.key}});
            BOOST_REQUIRE_MESSAGE(opened, way.arguments << " " << cipher);
            BOOST_TEST(opened->content == entity());
            BOOST_TEST(opened->cipher == cipher);
            BOOST_REQUIRE(opened->key_transport.size() == 1u);
            BOOST_TEST(opened->key_transport[0] == way.name);
            BOOST_TEST(opened->opened_with[0] == way.key);
        }
}

BOOST_AUTO_TEST_CASE(indefinite_lengths_and_content_in_pieces)
{
    std::string big(200000, 'a');
    for (const char* cipher : {"-aes-256-cbc", "-aes-256-gcm"}) {
        std::string der = other.encrypt(big, std::string(cipher) + " -stream -indef -recip rsa.crt");
        BOOST_TEST(der[1] == '\x80');
        auto opened = open(der, {{&rsa_own}});
        BOOST_REQUIRE(opened);
        BOOST_TEST((opened->content == big));
    }
}

BOOST_AUTO_TEST_CASE(content_of_any_length_keeps_its_length)
{
    for (std::size_t size : {0, 1, 15, 16, 17, 31, 32, 4096}) {
        std::string text(size, 'z');
        auto opened = open(other.encrypt(text, "-aes-128-cbc -recip rsa.crt"), {{&rsa_own}});
        BOOST_REQUIRE_MESSAGE(opened, size);
        BOOST_TEST(opened->content == text);
    }
}

BOOST_AUTO_TEST_CASE(a_recipient_is_served_only_by_its_own_key)
{
    std::string der = other.encrypt(entity(), "-aes-256-cbc -recip rsa.crt -recip p256.crt");
    auto opened = open(der, {{&rsa2_own}, {&rsa_own}, {&p384_own, &p256_own}, {}});
    BOOST_REQUIRE(opened);
    BOOST_TEST((opened->opened_with == std::vector<const OwnKey*>{nullptr, &rsa_own, &p256_own, nullptr}));
    BOOST_TEST(opened->key_transport.size() == 2u);
    BOOST_TEST(gate.entered == 2);
    CHECK_REASON(refusal(der, {{&rsa2_own}, {&p384_own}}), no_key);
    CHECK_REASON(refusal(der, {{}}), no_key);
    CHECK_REASON(refusal(der, {}), no_key);
}

BOOST_AUTO_TEST_CASE(a_shared_key_works_once)
{
    std::string der = other.encrypt(entity(), "-aes-256-cbc -recip rsa.crt");
    OwnKey same_elsewhere = rsa_own;
    auto opened = open(der, {{&rsa_own}, {&rsa_own}, {&same_elsewhere}});
    BOOST_REQUIRE(opened);
    BOOST_TEST(gate.entered == 1);
    BOOST_TEST((opened->opened_with == std::vector<const OwnKey*>{&rsa_own, &rsa_own, &same_elsewhere}));
}

// Two entries that bring different content keys: only who holds the key that opens the content is served.
BOOST_AUTO_TEST_CASE(an_entry_with_another_content_key_serves_nobody)
{
    EncryptOptions options;
    std::string for_one = *sealed_der(entity(), {rsa.certificate}, options);
    std::string for_other = *sealed_der(entity(), {rsa2.certificate}, options);
    std::string both = *sealed_der(entity(), {rsa.certificate, rsa2.certificate}, options);
    // The encrypted key is the 256 bytes after its header; put the other envelope's into the second entry.
    const std::string mark = "\x04\x82\x01\x00";
    auto key_in = [&](const std::string& der, std::size_t from) {
        return der.find(mark.substr(0, 3), from) + 4;
    };
    std::string issuer2(rsa2.certificate.issuer_der());
    std::size_t at = key_in(both, both.find(issuer2));
    std::string changed = both;
    changed.replace(at, 256, for_other.substr(key_in(for_other, for_other.find(issuer2)), 256));
    auto opened = open(changed, {{&rsa_own}, {&rsa2_own}});
    BOOST_REQUIRE(opened);
    BOOST_TEST(opened->content == entity());
    BOOST_TEST((opened->opened_with == std::vector<const OwnKey*>{&rsa_own, nullptr}));
    CHECK_REASON(refusal(changed, {{&rsa2_own}}), cannot_decrypt);
}

BOOST_AUTO_TEST_CASE(damage_never_yields_content_that_passes_for_the_original)
{
    for (const char* arguments : {"-aes-256-gcm -recip rsa.crt", "-aes-128-gcm -recip p256.crt"}) {
        std::string der = other.encrypt("short content", arguments);
        std::set<std::string> tokens;
        flip_bytes(der, 3, [&](const std::string& changed, std::size_t at) {
            auto opened = open(changed, {{&rsa_own}, {&p256_own}});
            // What does not touch key, nonce, tag or content (a version number) may open, and opens right.
            if (opened)
                BOOST_TEST(opened->content == "short content", at);
            else
                tokens.insert(std::string(opened.error().token()));
        });
        BOOST_TEST(tokens == (std::set<std::string>{"cannot-decrypt", "malformed", "no-key"}),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_tag_or_ciphertext_of_gcm_gives_nothing)
{
    std::string der = other.encrypt(entity(), "-aes-256-gcm -recip rsa.crt");
    for (std::size_t back : {1, 8, 16, 19, 200, 2000}) {
        std::string changed = der;
        changed[der.size() - back] ^= 1;
        CHECK_REASON(refusal(changed, {{&rsa_own}}), cannot_decrypt);
    }
}

// A bad padding of the key, a bad content and a wrong length are one and the same to whoever asks, and each
// costs one operation of the key.
BOOST_AUTO_TEST_CASE(bad_key_padding_looks_like_bad_content)
{
    std::string der = other.encrypt(entity(), "-aes-256-gcm -recip rsa.crt");
    std::size_t key_at = der.find(std::string("\x04\x82\x01\x00", 4)) + 4;
    auto refused = [&](std::string changed) {
        gate.entered = 0;
        gate.left = 0;
        auto opened = open(changed, {{&rsa_own}});
        BOOST_TEST(gate.entered == 1);
        return opened ? Fault{} : opened.error();
    };
    std::string bad_padding = der, bad_content = der, zero_key = der;
    bad_padding[key_at + 100] ^= 1;
    bad_content[der.size() - 100] ^= 1;
    zero_key.replace(key_at, 256, std::string(256, '\0'));
    Fault a = refused(bad_padding), b = refused(bad_content), c = refused(zero_key);
    CHECK_REASON(a.reason, cannot_decrypt);
    BOOST_TEST(a.why == b.why);
    BOOST_TEST(b.why == c.why);
    BOOST_TEST((a.reason == b.reason && b.reason == c.reason));
}

BOOST_AUTO_TEST_CASE(pkcs1_blocks_made_wrongly_do_not_open)
{
    // Blocks encrypted raw to our key: right, and wrong in one place each.
    std::string key(32, 'k'), good = std::string("\0\2", 2) + std::string(256 - 3 - 32, 'p') + '\0' + key;
    auto raw = [&](const std::string& block) {
        ossl::KeyCtx ctx(EVP_PKEY_CTX_new(rsa.key.get(), nullptr));
        std::string out(256, '\0');
        std::size_t n = 256;
        BOOST_REQUIRE(EVP_PKEY_encrypt_init(ctx.get()) == 1);
        BOOST_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_NO_PADDING) == 1);
        BOOST_REQUIRE(EVP_PKEY_encrypt(ctx.get(), reinterpret_cast<unsigned char*>(out.data()), &n,
                                       reinterpret_cast<const unsigned char*>(block.data()),
                                       block.size()) == 1);
        return out;
    };
    // An envelope under the known key: its own encrypted key is replaced.
    other.put("plain", entity());
    other.cms("-encrypt -binary -in plain -outform DER -out sealed.der -aes-256-cbc -recip rsa.crt");
    std::string der = other.get("sealed.der");
    std::size_t key_at = der.find(std::string("\x04\x82\x01\x00", 4)) + 4;
    std::size_t iv_at = der.find(std::string("\x04\x10", 2), key_at + 256) + 2;
    std::size_t content_at = der.size() - (entity().size() / 16 * 16 + 16);
    ossl::Cipher ctx(EVP_CIPHER_CTX_new());
    std::string sealed(entity().size() + 16, '\0');
    int n = 0, last = 0;
    auto* p = reinterpret_cast<unsigned char*>(sealed.data());
    EVP_EncryptInit_ex(ctx.get(), EVP_aes_256_cbc(), nullptr,
                       reinterpret_cast<const unsigned char*>(key.data()),
                       reinterpret_cast<const unsigned char*>(der.data() + iv_at));
    EVP_EncryptUpdate(ctx.get(), p, &n, reinterpret_cast<const unsigned char*>(entity().data()),
                      int(entity().size()));
    EVP_EncryptFinal_ex(ctx.get(), p + n, &last);
    der.replace(content_at, std::string::npos, sealed.substr(0, std::size_t(n + last)));
    auto with = [&](const std::string& block) { return std::string(der).replace(key_at, 256, raw(block)); };

    BOOST_REQUIRE(open(with(good), {{&rsa_own}}));
    auto changed = [&](std::size_t at, char to) {
        std::string block = good;
        block[at] = to;
        return block;
    };
    for (const auto& block : {changed(0, 1), changed(1, 1), changed(1, 0), changed(2, 0), changed(100, 0),
                              changed(222, 0), changed(223, 1)}) {
        auto opened = open(with(block), {{&rsa_own}});
        // A random key passes the padding of CBC once in 256 times, and then gives noise.
        BOOST_TEST((!opened || opened->content != entity()));
    }
}

BOOST_AUTO_TEST_CASE(ciphers_that_are_too_weak_are_refused_before_any_key_works)
{
    for (const char* cipher : {"-des3", "-camellia128"}) {
        std::string der = other.encrypt(entity(), std::string(cipher) + " -recip rsa.crt");
        CHECK_REASON(refusal(der, {{&rsa_own}}), cannot_decrypt);
    }
    BOOST_TEST(gate.entered == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_envelope_is_malformed)
{
    std::string der = other.encrypt(entity(), "-aes-256-cbc -recip rsa.crt");
    CHECK_REASON(refusal("", {{&rsa_own}}), malformed);
    CHECK_REASON(refusal("hello", {{&rsa_own}}), malformed);
    CHECK_REASON(refusal(der + "x", {{&rsa_own}}), malformed);
    CHECK_REASON(refusal(other.sign(entity(), "-signer rsa.crt -inkey rsa.key"), {{&rsa_own}}), malformed);
    for (std::size_t cut = 0; cut < der.size(); cut += 11)
        CHECK_REASON(refusal(der.substr(0, cut), {{&rsa_own}}), malformed);
}

BOOST_AUTO_TEST_CASE(too_many_recipients_are_refused_before_any_key_works)
{
    std::string der = other.encrypt(entity(), "-aes-256-cbc -recip rsa.crt -recip rsa2.crt -recip p256.crt");
    limits.infos = 2;
    CHECK_REASON(refusal(der, {{&rsa_own}}), malformed);
    BOOST_TEST(gate.entered == 0);
    limits.infos = 3;
    BOOST_TEST(open(der, {{&rsa_own}}).has_value());
}

BOOST_AUTO_TEST_CASE(a_closed_gate_is_temporary)
{
    std::string der = other.encrypt(entity(), "-aes-256-cbc -recip rsa.crt");
    gate.open = false;
    auto opened = open(der, {{&rsa_own}});
    BOOST_REQUIRE(!opened);
    CHECK_REASON(opened.error().reason, temporary);
    BOOST_TEST((opened.error().retry == Retry::later));
}

BOOST_AUTO_TEST_CASE(kinds_are_told_by_their_oid)
{
    BOOST_TEST(*cms_kind(other.encrypt("x", "-aes-256-cbc -recip rsa.crt")) == "enveloped");
    BOOST_TEST(*cms_kind(other.encrypt("x", "-aes-256-gcm -recip rsa.crt")) == "auth-enveloped");
    BOOST_TEST(*cms_kind(other.sign("x", "-signer rsa.crt -inkey rsa.key")) == "signed");
    BOOST_TEST(!cms_kind("no CMS"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(encrypting, Fixture)

BOOST_AUTO_TEST_CASE(the_other_side_opens_what_we_seal)
{
    const std::vector<Certificate> all{rsa.certificate, p256.certificate, rsa2.certificate, p384.certificate};
    for (const char* cipher : {"aes-128-cbc", "aes-256-cbc", "aes-256-gcm"}) {
        auto der = sealed_der(entity(), all, {cipher, {"pkcs1", "", "oaep-sha256", ""}});
        BOOST_REQUIRE(der);
        for (const char* name : {"rsa", "rsa2", "p256", "p384"})
            BOOST_TEST(other.decrypt(*der, name) == entity(), cipher << " " << name);
        auto opened = open(*der, {{&rsa_own}, {&rsa2_own}, {&p256_own}, {&p384_own}});
        BOOST_REQUIRE(opened);
        BOOST_TEST(opened->content == entity());
        BOOST_TEST(opened->key_transport ==
                       (std::vector<std::string>{"rsa-pkcs1", "rsa-oaep-sha256", "ecdh-sha256"}),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(the_algorithms_are_those_asked_for)
{
    other.put("sealed.der", *sealed_der("x", {rsa.certificate, rsa2.certificate, p256.certificate},
                                        {"aes-256-cbc", {"pkcs1", "oaep-sha256", ""}}));
    std::string printed = other.cms("-cmsout -print -inform DER -in sealed.der");
    for (const char* word :
         {"aes-256-cbc", "rsaEncryption", "rsaesOaep", "sha256", "dhSinglePass-stdDH-sha256kdf-scheme",
          "id-aes256-wrap", "d.issuerAndSerialNumber"})
        BOOST_TEST(printed.find(word) != std::string::npos, word);
    for (const char* word : {"des", "sha1", "rc2"}) BOOST_TEST(printed.find(word) == std::string::npos, word);
}

BOOST_AUTO_TEST_CASE(two_envelopes_share_nothing)
{
    auto a = *sealed_der(entity(), {rsa.certificate}, {}), b = *sealed_der(entity(), {rsa.certificate}, {});
    BOOST_TEST(a.size() == b.size());
    BOOST_TEST(a.substr(a.size() - 64) != b.substr(b.size() - 64));
}

BOOST_AUTO_TEST_CASE(certificates_not_made_for_encryption_are_refused)
{
    Certificate sign_only = issue({.name = "s", .key_usage = "digitalSignature"}, rsa_key()).certificate;
    Certificate weak = issue({.name = "w"}, rsa_key(0, 1024)).certificate;
    for (const auto& bad : {sign_only, weak}) {
        auto der = sealed_der(entity(), {rsa.certificate, bad}, {});
        BOOST_REQUIRE(!der);
        CHECK_REASON(der.error().reason, no_valid_certificate);
    }
    BOOST_TEST(!sealed_der(entity(), {}, {}));
    BOOST_TEST(!sealed_der(entity(), {rsa.certificate}, {"des-ede3-cbc", {}}));
}

BOOST_AUTO_TEST_CASE(the_mail_form_of_an_envelope)
{
    SealedBody sealed = *encrypt_to({"x"}, {rsa.certificate}, {});
    BOOST_REQUIRE(sealed.headers.size() == 3u);
    BOOST_TEST(sealed.headers[0].second ==
               "application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\"");
    BOOST_TEST(sealed.headers[1].second == "base64");
    BOOST_TEST(sealed.headers[2].second == "attachment; filename=\"smime.p7m\"");
    BOOST_TEST(sealed.body.find("\r\n") == 76u);
    BOOST_TEST(sealed.body.ends_with("\r\n"));
    BOOST_TEST(!sealed.body.ends_with("\r\n\r\n"));
    BOOST_TEST(encrypt_to({"x"}, {rsa.certificate}, {"aes-256-gcm", {}})
                   ->headers[0]
                   .second.find("authEnveloped-data") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pieces_of_any_size_are_sealed_as_one)
{
    std::string whole;
    for (int i = 0; i < 70000; ++i) whole += char('a' + i % 26);
    for (const char* cipher : {"aes-256-cbc", "aes-256-gcm"})
        for (std::size_t cut : {0u, 1u, 15u, 16u, 57u, 16384u, 16385u, 69999u}) {
            std::string_view all(whole);
            auto sealed =
                encrypt_to({all.substr(0, cut), "", all.substr(cut)}, {rsa.certificate}, {cipher, {}});
            BOOST_REQUIRE(sealed);
            auto opened = open(*unbase64(sealed->body), {{&rsa_own}});
            BOOST_REQUIRE(opened);
            BOOST_TEST((opened->content == whole), cipher << " cut at " << cut);
        }
}

BOOST_AUTO_TEST_SUITE_END()
