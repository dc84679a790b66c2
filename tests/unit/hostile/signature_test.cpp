// Signatures that are not what they say. Before one has verified: the one answer. After it, what the
// certificate is worth is told, and nothing is released.
#include "milter/base/crypto.h"
#include "milter/smime/algorithms.h"
#include "tests/unit/hostile/cost.h"
#include "tests/unit/hostile/forge.h"
#include "tests/unit/hostile/site.h"

using namespace direct;
using namespace direct::test;
using namespace direct::test::forge;
using namespace std::string_view_literals;

namespace {

namespace oids = cms::oids;

const std::string& content()
{
    static const std::string text = the_clinic().wrapped("ann@direct.hospital.example");
    return text;
}

/// Everybody's certificate comes along.
std::string everybody()
{
    auto& c = the_clinic();
    return std::string(c.ann.certificate.der()) + std::string(c.bob.certificate.der()) +
           std::string(c.mallory.certificate.der());
}

Outcome judged(const std::string& signature_der)
{
    return the_clinic().judge_entity(multipart(content(), signature_der), doc);
}

Outcome by(SignerSpec spec)
{
    if (!spec.who) spec.who = &the_clinic().ann;
    if (spec.content.empty()) spec.content = content();
    return judged(signed_data(everybody(), signer(spec)));
}

/// A key on a curve or of a kind, by name; with explicit parameters where asked.
Key key_of(const char* type, const char* group, bool explicit_parameters = false)
{
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(ctx.get());
    if (group) EVP_PKEY_CTX_set_group_name(ctx.get(), group);
    if (explicit_parameters) EVP_PKEY_CTX_set_ec_param_enc(ctx.get(), 0);
    EVP_PKEY_generate(ctx.get(), &key);
    return own_key(key);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(signatures)

BOOST_AUTO_TEST_CASE(made_by_hand_they_are_taken)
{
    auto& c = the_clinic();
    BOOST_TEST(by({}).token == "accepted");
    BOOST_TEST(by({.has_attributes = false}).token == "accepted");
    BOOST_TEST(by({.id = ber::element(ber::context, {c.ann.certificate.key_id()})}).token == "accepted");
    auto bobs = c.wrapped();
    auto der = signed_data(everybody(), signer({.who = &c.bob, .content = bobs}));
    BOOST_TEST(c.judge_entity(multipart(bobs, der)).token == "accepted");
    der = signed_data(everybody(), signer({.who = &c.ann, .content = content()}), octets(content()));
    BOOST_TEST(c.judge_entity(opaque(der), doc).token == "accepted");
}

BOOST_AUTO_TEST_CASE(attributes_that_promise_too_little_or_twice)
{
    auto other = [](std::string_view type) { return attribute(oids::content_type, {oid(type)}); };
    const std::string digest = digest_attribute(content()), type = type_attribute();
    const std::string two_values =
        attribute(oids::message_digest, {octets(sha256(content())), octets(sha256("x"))});
    const std::pair<const char*, std::vector<std::string>> rows[] = {
        {"no contentType", {digest}},
        {"no messageDigest", {type}},
        {"messageDigest twice", {type, digest, digest}},
        {"two different messageDigests", {type, digest_attribute("x"), digest}},
        {"two different messageDigests, the other way", {type, digest, digest_attribute("x")}},
        {"messageDigest of two values", {type, two_values}},
        {"messageDigest without a value", {type, attribute(oids::message_digest, {})}},
        {"contentType twice", {type, type, digest}},
        {"contentType of signed data", {other(oids::signed_data), digest}},
        {"contentType of a time stamp", {other("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04"), digest}},
        {"a digest of other content", {type, digest_attribute("other")}},
        {"an empty digest", {type, attribute(oids::message_digest, {octets("")})}},
        {"no attribute at all", {std::string()}},
        {"what is no attribute", {type, digest, octets("x")}},
    };
    for (const auto& [name, attributes] : rows)
        check_uniform(by({.attributes = attributes}), "bad-signature", name);
    // More of what nobody asks for does no harm.
    std::vector<std::string> many{type, digest};
    for (int i = 0; i < 500; ++i)
        many.push_back(attribute("\x2a\x03\x04", {number(std::string(1, char(i % 100)))}));
    BOOST_TEST(by({.attributes = many}).token == "accepted");
}

BOOST_AUTO_TEST_CASE(signature_values_of_any_shape)
{
    auto& c = the_clinic();
    auto ecdsa = [](std::string_view r, std::string_view s) { return sequence({number(r), number(s)}); };
    const std::string zero(1, '\0'), huge("\x7f" + std::string(4000, '\xff'));
    const std::pair<const char*, std::string> of_ann[] = {
        {"nothing", ""},
        {"r and s zero", ecdsa(zero, zero)},
        {"r zero", ecdsa(zero, "\x01")},
        {"s zero", ecdsa("\x01", zero)},
        {"r and s one", ecdsa("\x01", "\x01")},
        {"negative", ecdsa("\xff", "\xff")},
        {"huge", ecdsa(huge.substr(0, 2000), huge.substr(0, 2000))},
        {"no sequence", number("\x01")},
        {"open ended", open_ended(ber::sequence, number("\x01") + number("\x01"))},
    };
    for (const auto& [name, value] : of_ann) check_uniform(by({.signature = value}), "bad-signature", name);
    check_uniform(by({.signature = ecdsa(huge, huge)}), "malformed", "longer than any signature");
    for (const std::string& value :
         {std::string(), std::string(256, '\0'), std::string(255, '\0') + "\x01", std::string(256, '\xff'),
          std::string(255, 'x'), std::string(257, 'x'), std::string(4096, 'x')})
        check_uniform(by({.who = &c.bob, .signature = value}), "bad-signature",
                      std::to_string(value.size()) + " bytes");
}

BOOST_AUTO_TEST_CASE(algorithms_that_are_not_taken)
{
    auto& c = the_clinic();
    auto method = [](std::string_view type, std::string_view parameters = "") {
        return sequence({oid(type), parameters});
    };
    const std::pair<const char*, std::string> rows[] = {
        {"ECDSA key, RSA algorithm", method(oids::rsa)},
        {"ECDSA with SHA-1, digest SHA-256", method("\x2a\x86\x48\xce\x3d\x04\x01")},
        {"DSA", method("\x2a\x86\x48\xce\x38\x04\x03")},
        {"nobody's", method("\x2a\x03\x04")},
        {"empty", method("")},
        {"an OID of a megabyte", method(std::string(1U << 20, '\x81'))},
        {"PSS", method(oids::rsa_pss, sequence({}))},
    };
    for (const auto& [name, algorithm] : rows)
        check_uniform(by({.signature_algorithm = algorithm}), "bad-signature", name);
    auto salt = [](std::string_view octets_of_number) {
        return sequence({tagged(2, {number(octets_of_number)})});
    };
    for (const std::string& parameters :
         {std::string(), octets("x"), salt("\x7f\xff"), salt("\xff"), salt("\x01\x00\x00"sv), salt(""),
          sequence({tagged(0, {octets("x")})}), sequence({tagged(1, {sequence({oid(oids::mgf1)})})})})
        check_uniform(by({.who = &c.bob, .signature_algorithm = method(oids::rsa_pss, parameters)}),
                      "bad-signature", "PSS " + hex(parameters));
}

// The mathematics fits, or is not tried; in no case is the certificate taken.
BOOST_AUTO_TEST_CASE(keys_of_other_kinds)
{
    auto& c = the_clinic();
    struct Row {
        const char* name;
        Key key;
        const char* token;
        bool verified;
    };
    const Row rows[] = {
        {"RSA 1024", rsa_key(9, 1024), "weak-key", true},
        {"RSA 512", rsa_key(9, 512), "weak-key", true},
        {"secp256k1", key_of("EC", "secp256k1"), "weak-key", true},
        {"brainpool", key_of("EC", "brainpoolP256r1"), "weak-key", true},
        {"a binary curve", key_of("EC", "sect571r1"), "weak-key", true},
        {"explicit parameters", key_of("EC", "P-256", true), "bad-usage", true},
        {"Ed25519", key_of("ED25519", nullptr), "bad-signature", false},
    };
    for (const auto& row : rows) {
        CertSpec spec{
            .name = row.name, .san = {"email:ann@direct.hospital.example"}, .key_usage = "digitalSignature"};
        Issued other = issue(spec, row.key, &c.ca);
        bool ed = std::string_view(row.name) == "Ed25519";
        std::string der =
            signed_data(other.certificate.der(),
                        signer({.who = &other,
                                .content = content(),
                                .signature = ed ? std::optional(std::string(64, 'x')) : std::nullopt}));
        auto o = judged(der);
        if (row.verified) {
            BOOST_TEST(o.verified, row.name);
            BOOST_TEST((o.token == row.token || o.token == "weak-key"), row.name << ": " << o.token);
            BOOST_TEST(o.clear.empty());
        } else {
            check_uniform(o, row.token, row.name);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_signs_and_what_comes_along)
{
    auto& c = the_clinic();
    const std::string good = signer({.who = &c.ann, .content = content()});
    const std::string stranger = signer({.who = &c.mallory, .content = content()});
    const std::string bad = signer({.who = &c.ann, .content = "other"});
    const std::string nobody =
        signer({.who = &c.ann, .content = content(), .id = sequence({sequence({}), number("\x01")})});
    auto with = [&](const std::string& signers) { return judged(signed_data(everybody(), signers)); };
    check_uniform(with(""), "not-signed", "no signer");
    check_uniform(with(bad), "bad-signature", "a bad one");
    check_uniform(with(nobody), "no-sender-certificate", "by nobody");
    check_uniform(with(nobody + bad), "bad-signature", "by nobody, and a bad one");
    check_told(with(stranger), "sender-mismatch", "a stranger");
    // One good one is enough, in any order (D3).
    for (const auto& signers : {bad + good, good + bad, stranger + good, nobody + stranger + bad + good})
        BOOST_TEST(with(signers).token == "accepted");
    check_uniform(with(repeat(good, 10'000)), "malformed", "10000 signers");
    check_uniform(judged(signed_data(repeat(c.ann.certificate.der(), 10'000), good)), "malformed",
                  "10000 certificates");
    BOOST_TEST(
        judged(signed_data(repeat(c.mallory.certificate.der(), 999) + std::string(c.ann.certificate.der()),
                           good))
            .token == "accepted");
    check_uniform(judged(signed_data("", good)), "no-sender-certificate", "no certificate");
    check_uniform(judged(signed_data(repeat("\x30\x00"sv, 500), good)), "no-sender-certificate",
                  "empty certificates");
    check_uniform(judged(signed_data(octets("x") + everybody(), good).substr(1)), "malformed",
                  "cut in front");
    check_uniform(judged(signed_data(everybody(), good + octets("x"))), "malformed", "what is no signer");
    // A content of its own beside the one in the mail: which of the two was signed?
    check_uniform(judged(signed_data(everybody(), good, octets(content()))), "malformed",
                  "detached with content");
    check_uniform(c.judge_entity(opaque(signed_data(everybody(), good)), doc), "malformed",
                  "opaque without content");
    check_uniform(c.judge_entity(opaque(signed_data(everybody(), good, number("x"))), doc), "malformed",
                  "content that is a number");
    auto der = signed_data(everybody(), good, octets(content()));
    auto at = der.find(oid(oids::data));
    BOOST_REQUIRE(at != std::string::npos);
    der[at + 10] = '\x02';
    check_uniform(c.judge_entity(opaque(der), doc), "malformed", "signature over another type of content");
    // The attributes of a signature shown as content without attributes.
    std::string set_of = set({type_attribute(), digest_attribute(content())});
    auto reused = signed_data(
        everybody(), signer({.who = &c.ann, .content = set_of, .has_attributes = false}), octets(set_of));
    check_uniform(c.judge_entity(opaque(reused), doc), "bad-signature", "attributes as content");
}

// The same certificate with an enormous serial number, name or extension.
BOOST_AUTO_TEST_CASE(certificates_of_any_shape)
{
    auto& c = the_clinic();
    const std::string good = signer({.who = &c.ann, .content = content()});
    std::string der(c.ann.certificate.der());
    for (std::size_t at = 0; at < der.size(); at += sanitized ? 11 : 3) {
        auto changed = der;
        changed[at] = char(changed[at] ^ 0x55);
        auto o = judged(signed_data(changed, good));
        BOOST_TEST(!o.answer.empty(), "byte " << at);
        BOOST_TEST(o.clear.empty());
        if (!o.verified) BOOST_TEST(o.answer == uniform, "byte " << at);
    }
}

BOOST_AUTO_TEST_SUITE_END()
