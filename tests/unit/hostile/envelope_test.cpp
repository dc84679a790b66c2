// Envelopes that are not what they say: other kinds of CMS, too many recipients, BER oddities, odd keys.
// Each has the token it must have, the one answer, and the number of private key operations it may cost.
#include <set>

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

constexpr auto digested_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x05"sv;
constexpr auto encrypted_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"sv;
constexpr auto authenticated_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x02"sv;

/// Private key operations the envelope costs for this recipient.
int key_operations(std::string_view der, const std::string& recipient)
{
    CountingGate gate;
    auto candidates = the_clinic().site->keys.for_decryption(*parse_address(recipient));
    (void)open_enveloped(der, {candidates}, {}, gate);
    BOOST_TEST(gate.entered == gate.left);
    return gate.entered;
}

struct Row {
    std::string name, der, token;
    int operations = 0;
    std::string recipient = doc;
};

void check(const Row& row)
{
    check_uniform(the_clinic().judge_der(row.der, row.recipient), row.token, row.name);
    BOOST_TEST(key_operations(row.der, row.recipient) == row.operations, row.name);
}

EnvelopeParts honest_parts(const Issued& to, const std::string& cipher = "aes-256-cbc")
{
    return EnvelopeParts(the_clinic().honest(to, cipher));
}

std::string changed(EnvelopeParts parts, const std::function<void(EnvelopeParts&)>& change)
{
    change(parts);
    return parts.der();
}

/// KeyTransRecipientInfo
std::string transport(std::string_view id, std::string_view algorithm, std::string_view key)
{
    return sequence({"\x02\x01\x00"sv, id, algorithm, octets(key)});
}

/// As long as a real one.
std::string rsa_algorithm()
{
    return sequence({oid(oids::rsa), "\x05\x00"sv});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(envelopes)

BOOST_AUTO_TEST_CASE(what_is_seen_from_outside_has_its_own_answer)
{
    auto& c = the_clinic();
    auto signed_only = signed_data(c.bob.certificate.der(), signer({.who = &c.bob, .content = c.wrapped()}),
                                   octets(c.wrapped()));
    auto o = c.judge_der(signed_only, doc);
    BOOST_TEST(o.token == "not-encrypted");
    BOOST_TEST(o.clear.empty());
    // Enveloped in signed: the outside is a signature, which is not looked into.
    auto around =
        signed_data(c.bob.certificate.der(), signer({.who = &c.bob, .content = c.honest(c.ec_clinic)}),
                    octets(c.honest(c.ec_clinic)));
    BOOST_TEST(c.judge_der(around, doc).token == "not-encrypted");
    BOOST_TEST(c.judge_der(content_info(oids::data, octets("x")), doc).token == "not-encrypted");
}

BOOST_AUTO_TEST_CASE(other_kinds_of_cms)
{
    auto der = the_clinic().honest(the_clinic().ec_clinic);
    auto inside = octets(der);
    for (const auto& [name, type] :
         {std::pair<const char*, std::string_view>{"compressed", oids::compressed_data},
          {"digested", digested_data},
          {"encrypted", encrypted_data},
          {"authenticated", authenticated_data},
          {"empty type", ""},
          {"endless type", "\x55\x04\x03"}}) {
        check({name, content_info(type, sequence({"\x02\x01\x00"sv, inside})), "cannot-decrypt"});
    }
    check({"a type of a megabyte", content_info(std::string(1U << 20, '\x81'), inside), "cannot-decrypt"});
}

BOOST_AUTO_TEST_CASE(one_inside_the_other)
{
    auto& c = the_clinic();
    auto as_entity = [](const std::string& der) {
        return "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
               base64(der, 76) + "\r\n";
    };
    auto honest = c.honest(c.ec_clinic);
    auto twice = c.sealed(as_entity(honest), c.ec_clinic);
    check({"two deep", twice, "not-signed", 1});
    check({"three deep", c.sealed(as_entity(twice), c.ec_clinic), "not-signed", 1});
    // Deeper ones grow by a third each; what is inside is not looked at, so raw CMS in CMS does as well.
    std::string deep = honest;
    for (int i = 0; i < 1000; ++i) deep = content_info(oids::enveloped_data, octets(deep));
    check({"a thousand deep, without recipients", deep, "malformed"});
    deep = honest;
    for (int i = 0; i < 40; ++i) deep = c.sealed(deep, c.ec_clinic);
    check({"forty deep, raw", deep, "malformed", 1});
    // Compressed inside: whether before or under the signature.
    auto compressed = content_info(oids::compressed_data, sequence({"\x02\x01\x00"sv, octets("x")}));
    check({"compressed inside", c.sealed(as_entity(compressed), c.ec_clinic), "not-signed", 1});
    // Triple wrapping: signed, sealed, signed, sealed. The inner envelope is content like any other, unwrapped.
    auto triple = c.sealed(c.signed_by(c.ann, as_entity(honest)), c.ec_clinic);
    auto o = c.judge_der(triple, doc);
    BOOST_TEST(o.clear.find("SECRET") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(ten_thousand_recipients)
{
    auto& c = the_clinic();
    for (bool ec : {false, true}) {
        const auto& own_certificate = ec ? c.ec_clinic : c.clinic;
        const std::string who = ec ? doc : nurse;
        // GCM: under a random key CBC has a padding that fits once in 256 times, and another token.
        auto e = honest_parts(own_certificate, "aes-256-gcm");
        const std::string mine = e.recipients;
        auto with = [&](const std::string& recipients) {
            return changed(e, [&](EnvelopeParts& p) { p.recipients = recipients; });
        };
        auto stranger =
            transport(issuer_and_serial(c.mallory.certificate), rsa_algorithm(), std::string(256, 'k'));
        check({"10000 that name our key", with(repeat(mine, 10'000)), "malformed", 0, who});
        check({"10000 others", with(repeat(stranger, 10'000)), "malformed", 0, who});
        check({"1000 others", with(repeat(stranger, 1'000)), "no-key", 0, who});
        // With limits.cms_infos of them ours works once, and first come first served.
        BOOST_TEST(c.judge_der(with(repeat(mine, 1'000)), who).token == "accepted");
        BOOST_TEST(key_operations(with(repeat(mine, 1'000)), who) == 1);
        BOOST_TEST(c.judge_der(with(repeat(stranger, 999) + mine), who).token == "accepted");
        std::string wrong;
        for (int i = 0; i < 999; ++i)
            wrong += transport(issuer_and_serial(own_certificate.certificate), rsa_algorithm(),
                               std::string(255, char('a' + i % 20)));
        check({"999 wrong keys for us, then a good one", with(wrong + mine), "cannot-decrypt", 1, who});
        check({"no recipients", with(""), "malformed", 0, who});
        check({"a recipient of an unknown kind", with(tagged(9, {"x"}) + mine), "malformed", 0, who});
    }
    // In one KeyAgreeRecipientInfo: the limit counts what is inside too.
    auto e = honest_parts(c.ec_clinic);
    ber::Reader r(ber::Reader(e.recipients).next()->content);
    std::string version(r.next()->whole), originator(r.next()->whole), algorithm(r.next()->whole);
    std::string one(r.next()->content);
    auto all =
        ber::element(ber::tagged(1), {version, originator, algorithm, sequence({repeat(one, 10'000)})});
    check({"10000 in one agreement", changed(e, [&](auto& p) { p.recipients = all; }), "malformed"});
}

BOOST_AUTO_TEST_CASE(lengths_and_forms_of_ber)
{
    auto& c = the_clinic();
    auto e = honest_parts(c.ec_clinic);
    const std::string der = e.der();
    const auto content = std::string(ber::Reader(e.encrypted).next()->content);
    const std::string deep = repeat("\x30\x80"sv, 100'000);
    auto longer = der;
    longer[3] = char(longer[3] + 1);
    auto shorter = der;
    shorter[3] = char(shorter[3] - 1);
    const Row rows[] = {
        {"nothing", "", "malformed"},
        {"zeros", std::string(100, '\0'), "malformed"},
        {"open lengths 100000 deep", deep, "malformed"},
        {"open lengths 100000 deep, closed", deep + std::string(200'000, '\0'), "malformed"},
        {"open lengths deep in the content info",
         content_info(oids::enveloped_data, deep + std::string(200'000, '\0')), "malformed"},
        {"a byte after it", der + "x", "malformed"},
        {"an end mark after it", der + std::string(2, '\0'), "malformed"},
        {"another message after it", der + der, "malformed"},
        {"a length one more", longer, "malformed"},
        {"a length one less", shorter, "malformed"},
        {"a length of eight bytes", "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff" + der, "malformed"},
        {"a length of nine bytes", std::string("\x30\x89\x00", 3) + std::string(8, '\x01') + der,
         "malformed"},
        {"a length of 127 bytes", "\x30\xff" + der, "malformed"},
        {"a primitive of open length", "\x04\x80" + der, "malformed"},
        {"a high tag number", "\x3f\x81\x01" + der, "malformed"},
        {"a primitive sequence", "\x10" + der.substr(1), "malformed"},
        {"a primitive set of recipients",
         content_info(oids::enveloped_data, sequence({e.version, ber::element(0x11, {e.recipients}),
                                                      sequence({e.content_type, e.cipher, e.encrypted})})),
         "malformed"},
        {"version missing", changed(e, [](auto& p) { p.version.clear(); }), "malformed"},
        {"type of the content missing", changed(e, [](auto& p) { p.content_type.clear(); }), "malformed"},
        {"another type of content", changed(e, [](auto& p) { p.content_type = oid(oids::signed_data); }),
         "malformed"},
        {"content missing", changed(e, [](auto& p) { p.encrypted.clear(); }), "malformed"},
        {"content twice", changed(e, [](auto& p) { p.encrypted += p.encrypted; }), "malformed"},
        {"empty content", changed(e, [](auto& p) { p.encrypted = ber::element(ber::context, {""}); }),
         "cannot-decrypt", 1},
        {"half a block",
         changed(e, [&](auto& p) { p.encrypted = ber::element(ber::context, {content.substr(8)}); }),
         "cannot-decrypt", 1},
        {"pieces nested a thousand deep",
         changed(e,
                 [&](auto& p) {
                     std::string piece = octets(content);
                     for (int i = 0; i < 1000; ++i) piece = ber::element(0x24, {piece});
                     p.encrypted = ber::element(ber::tagged(0), {piece});
                 }),
         "malformed"},
        {"pieces that are no strings",
         changed(e, [&](auto& p) { p.encrypted = ber::element(ber::tagged(0), {number(content)}); }),
         "malformed"},
        {"something behind the content", changed(e, [](auto& p) { p.rest = octets("x"); }), "malformed"},
    };
    for (const auto& row : rows) check(row);
    // What BER allows and the field writes is read.
    auto fine = [&](const char* name, const std::string& bytes) {
        BOOST_TEST(c.judge_der(bytes, doc).token == "accepted", name);
    };
    fine("huge version", changed(e, [](auto& p) { p.version = number(std::string(100'000, '\x7f')); }));
    fine("negative version", changed(e, [](auto& p) { p.version = number("\xff"); }));
    fine("content in pieces",
         changed(e, [&](auto& p) { p.encrypted = in_pieces(ber::context, content, 7); }));
    fine("content open ended",
         changed(e, [&](auto& p) { p.encrypted = open_ended(ber::context, octets(content) + octets("")); }));
    fine("all open ended",
         open_ended(ber::sequence,
                    oid(oids::enveloped_data) +
                        open_ended(ber::tagged(0),
                                   open_ended(ber::sequence,
                                              e.version + open_ended(ber::set, e.recipients) +
                                                  sequence({e.content_type, e.cipher, e.encrypted})))));
    fine("endless unprotected attributes",
         changed(e, [](auto& p) { p.rest = tagged(1, {repeat("\x30\x00"sv, 500'000)}); }));
    fine("endless certificates of the originator",
         content_info(oids::enveloped_data,
                      sequence({e.version, tagged(0, {repeat("\x30\x00"sv, 500'000)}), set({e.recipients}),
                                sequence({e.content_type, e.cipher, e.encrypted})})));
}

BOOST_AUTO_TEST_CASE(ciphers_and_their_parameters)
{
    auto& c = the_clinic();
    auto cbc = honest_parts(c.ec_clinic);
    auto gcm = honest_parts(c.ec_clinic, "aes-256-gcm");
    auto aes = [](const char* name, const std::string& parameters) {
        return sequence({oid(cms::cipher_by_name(name)->oid), parameters});
    };
    auto cipher = [](const EnvelopeParts& e, const std::string& algorithm) {
        return changed(e, [&](EnvelopeParts& p) { p.cipher = algorithm; });
    };
    const std::string nonce = octets(std::string(12, 'n'));
    const Row rows[] = {
        {"3DES", cipher(cbc, sequence({oid("\x2a\x86\x48\x86\xf7\x0d\x03\x07"), octets("12345678")})),
         "cannot-decrypt"},
        {"an OID of a megabyte", cipher(cbc, sequence({oid(std::string(1U << 20, '\x81'))})),
         "cannot-decrypt"},
        {"no IV", cipher(cbc, aes("aes-256-cbc", "")), "malformed"},
        {"a short IV", cipher(cbc, aes("aes-256-cbc", octets("x"))), "malformed"},
        {"a long IV", cipher(cbc, aes("aes-256-cbc", octets(std::string(17, 'x')))), "malformed"},
        {"another IV", cipher(cbc, aes("aes-256-cbc", octets(std::string(16, 'x')))), "malformed", 1},
        {"another key size", cipher(gcm, aes("aes-128-gcm", sequence({nonce, number("\x10")}))),
         "cannot-decrypt", 1},
        {"GCM without content", changed(gcm, [](auto& p) { p.encrypted = ber::element(ber::context, {""}); }),
         "cannot-decrypt", 1},
        {"attributes that were not authenticated",
         changed(gcm,
                 [](auto& p) { p.rest = tagged(1, {attribute("\x55\x04\x03", {"\x05\x00"sv})}) + p.rest; }),
         "cannot-decrypt", 1},
        {"endless authenticated attributes",
         changed(gcm, [](auto& p) { p.rest = tagged(1, {repeat("\x30\x00"sv, 500'000)}) + p.rest; }),
         "malformed"},
        {"open ended authenticated attributes",
         changed(gcm, [](auto& p) { p.rest = open_ended(ber::tagged(1), "") + p.rest; }), "malformed"},
    };
    for (const auto& row : rows) check(row);
}

BOOST_AUTO_TEST_CASE(encrypted_keys_of_any_shape)
{
    auto& c = the_clinic();
    auto e = honest_parts(c.clinic, "aes-256-gcm");
    const std::string id = issuer_and_serial(c.clinic.certificate);
    std::string oaep = sequence({oid(oids::rsa_oaep), sequence({})});
    std::string oaep_label = sequence(
        {oid(oids::rsa_oaep), sequence({tagged(2, {sequence({oid("\x2a\x03"), octets("label")})})})});
    const struct {
        const char* name;
        std::string algorithm, key;
        const char* token;
    } rows[] = {
        {"empty", rsa_algorithm(), "", "cannot-decrypt"},
        {"one byte", rsa_algorithm(), "k", "cannot-decrypt"},
        {"zero", rsa_algorithm(), std::string(256, '\0'), "cannot-decrypt"},
        {"one", rsa_algorithm(), std::string(255, '\0') + "\x01", "cannot-decrypt"},
        {"above the modulus", rsa_algorithm(), std::string(256, '\xff'), "cannot-decrypt"},
        {"one too long", rsa_algorithm(), std::string(257, 'k'), "cannot-decrypt"},
        {"longest", rsa_algorithm(), std::string(4096, 'k'), "cannot-decrypt"},
        {"too long", rsa_algorithm(), std::string(4097, 'k'), "malformed"},
        {"OAEP, wrong", oaep, std::string(256, 'k'), "cannot-decrypt"},
        {"OAEP with a label", oaep_label, std::string(256, 'k'), "cannot-decrypt"},
        {"OAEP, parameters of another kind", sequence({oid(oids::rsa_oaep), octets("x")}),
         std::string(256, 'k'), "cannot-decrypt"},
        {"an algorithm nobody has", sequence({oid("\x2a\x03\x04")}), std::string(256, 'k'), "cannot-decrypt"},
        {"key agreement's algorithm", sequence({oid(oids::ecdh_sha256)}), std::string(256, 'k'),
         "cannot-decrypt"},
    };
    std::set<std::string> answers;
    for (const auto& row : rows) {
        auto der = changed(e, [&](auto& p) { p.recipients = transport(id, row.algorithm, row.key); });
        check({row.name, der, row.token, row.token == "malformed"sv ? 0 : 1, nurse});
    }
    // A recipient found by key identifier; an empty one names nobody.
    auto by_key = changed(e, [&](auto& p) {
        auto r = ber::Reader(ber::Reader(p.recipients).next()->content);
        r.next(), r.next();
        p.recipients = sequence(
            {"\x02\x01\x02"sv, ber::element(ber::context, {c.clinic.certificate.key_id()}), r.rest()});
    });
    BOOST_TEST(c.judge_der(by_key, nurse).token == "accepted");
    auto by_nothing = changed(e, [&](auto& p) {
        p.recipients = transport(ber::element(ber::context, {""}), rsa_algorithm(), std::string(256, 'k'));
    });
    check({"an empty key identifier", by_nothing, "no-key", 0, nurse});
}

BOOST_AUTO_TEST_CASE(agreements_with_points_off_the_curve)
{
    auto& c = the_clinic();
    auto e = honest_parts(c.ec_clinic, "aes-256-gcm");
    ber::Reader r(ber::Reader(e.recipients).next()->content);
    std::string version(r.next()->whole);
    r.next();
    std::string rest(r.rest());
    auto with_point = [&](const std::string& point) {
        std::string key =
            ber::element(ber::tagged(1), {sequence({oid(oids::ec_public_key)}),
                                          ber::element(ber::bit_string, {std::string(1, '\0'), point})});
        return changed(e, [&](auto& p) {
            p.recipients = ber::element(ber::tagged(1), {version, tagged(0, {key}), rest});
        });
    };
    const std::pair<const char*, std::string> points[] = {
        {"off the curve", "\x04" + std::string(64, '\x01')},
        {"infinity", std::string(1, '\0')},
        {"of another curve", "\x04" + std::string(96, '\x01')},
        {"compressed, no such point", "\x02" + std::string(32, '\xff')},
        {"of a megabyte", "\x04" + std::string(1U << 20, '\x01')},
    };
    for (const auto& [name, point] : points) check({name, with_point(point), "cannot-decrypt", 1});
    check({"no point", with_point(""), "malformed", 0});
}

BOOST_AUTO_TEST_SUITE_END()
