// Mail made to be expensive: what it may take of memory is the bound of the design, what it may take of time
// is held against an honest message of the same size in the same run.
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "milter/mime/parts.h"
#include "milter/smime/algorithms.h"
#include "tests/unit/hostile/cost.h"
#include "tests/unit/hostile/forge.h"
#include "tests/unit/hostile/site.h"

using namespace direct;
using namespace direct::test;
using namespace direct::test::forge;
using namespace std::string_view_literals;

namespace {

/// The bounds of the table in sanitized builds would measure the sanitizer.
constexpr std::size_t shrink = sanitized ? 16 : 1;

const std::string& ann_wrapped()
{
    static const std::string text = the_clinic().wrapped("ann@direct.hospital.example");
    return text;
}

std::string with_text(std::size_t size)
{
    return ann_wrapped() + repeat(std::string(76, 'x') + "\r\n", size / 78);
}

/// An honest message of about that many bytes, to the EC key: what its work costs.
double honest_seconds(std::size_t message_bytes)
{
    auto& c = the_clinic();
    std::string mail =
        mail_around(c.sealed(c.signed_by(c.ann, with_text(message_bytes / 4 * 3)), c.ec_clinic));
    Outcome o;
    auto cost = cost_of([&] { o = c.judge(mail, doc); });
    BOOST_TEST(o.token == "accepted");
    return cost.seconds;
}

/// Judges it and holds its cost against the bounds. `times`: CPU, of an honest message of that size, which
/// counts as 10 ms at least.
Outcome within_bounds(const std::string& what, const std::string& mail, double times = 20)
{
    double honest = std::max(honest_seconds(mail.size()), 0.010);
    Outcome o;
    auto cost = cost_of([&] { o = the_clinic().judge(mail, doc); });
    BOOST_TEST_CONTEXT(what)
    {
        if (!sanitized) BOOST_TEST(cost.memory <= memory_bound(mail.size()));
        BOOST_TEST(cost.seconds <= honest * times);
    }
    BOOST_TEST_MESSAGE(what << ": " << mail.size() << " bytes, memory "
                            << double(cost.memory) / double(mail.size()) << " of the message (" << cost.memory
                            << "), time " << cost.seconds / honest << " of an honest one (" << cost.seconds
                            << " s)");
    return o;
}

std::string to_doc(const std::string& entity)
{
    return mail_around(the_clinic().sealed(entity, the_clinic().ec_clinic));
}

/// A Name of that many bytes made of the smallest pieces there are.
std::string name_of_pieces(std::size_t size)
{
    static const std::string piece = set({sequence({oid("\x55\x04\x03"), ber::element(0x13, {"x"})})});
    return sequence({repeat(piece, size / piece.size())});
}

/// A certificate around this name; its signature means nothing.
std::string certificate_with_name(const Certificate& like, const std::string& name, bool indefinite = false)
{
    ber::Reader outer(ber::Reader(like.der()).next()->content);
    auto body = *outer.next();
    std::string rest(outer.rest());
    ber::Reader r(body.content);
    std::string version(r.next()->whole), serial(r.next()->whole), algorithm(r.next()->whole);
    std::string issuer(r.next()->whole), dates(r.next()->whole);
    r.next();
    std::string content = version + serial + algorithm + issuer + dates + name + std::string(r.rest());
    if (indefinite) return open_ended(ber::sequence, open_ended(ber::sequence, content) + rest);
    return sequence({sequence({content}), rest});
}

/// A public key nobody has the private half of.
Key public_key(int bits, const std::string& exponent)
{
    Handle<BIGNUM, &BN_free> n(BN_new()),
        e(BN_bin2bn(reinterpret_cast<const unsigned char*>(exponent.data()), int(exponent.size()), nullptr));
    BN_rand(n.get(), bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
    Handle<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    Handle<OSSL_PARAM, &OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
    ossl::KeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(ctx.get());
    EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
    return own_key(key);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bounds)

BOOST_AUTO_TEST_CASE(honest_mail_keeps_the_bound)
{
    for (std::size_t size : {std::size_t(1) << 20, std::size_t(16) << 20})
        BOOST_TEST(within_bounds("honest",
                                 to_doc(the_clinic().signed_by(the_clinic().ann, with_text(size / shrink))))
                       .token == "accepted");
    auto& c = the_clinic();
    std::string content = with_text((16U << 20) / shrink);
    auto o = within_bounds(
        "honest, opaque",
        to_doc(opaque(signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = content}),
                                  octets(content)))));
    BOOST_TEST(o.token == "accepted");
}

// The canonical form of LF alone is twice as long: it was made as a whole, beside the message.
BOOST_AUTO_TEST_CASE(line_feeds_only)
{
    auto& c = the_clinic();
    std::string content = ann_wrapped() + std::string((16U << 20) / shrink, '\n');
    auto bad = signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = "other"}));
    check_uniform(within_bounds("line feeds, bad signature", to_doc(multipart(content, bad))),
                  "bad-signature", "line feeds");
    auto good = signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = to_crlf(content)}));
    BOOST_TEST(within_bounds("line feeds, signed as CRLF", to_doc(multipart(content, good))).token ==
               "accepted");
}

// Each of the signers looked for the first byte behind all empty pieces of the content.
BOOST_AUTO_TEST_CASE(a_thousand_signers_over_empty_pieces)
{
    auto& c = the_clinic();
    std::string pieces = repeat("\x04\x00"sv, 2'000'000 / shrink) + octets("x");
    std::string one = signer({.who = &c.ann, .content = "y", .has_attributes = false});
    auto der = signed_data(c.ann.certificate.der(), repeat(one, 1000),
                           ber::element(ber::octet_string | ber::constructed, {pieces}));
    check_uniform(within_bounds("signers over empty pieces", to_doc(opaque(der)), 60), "bad-signature",
                  "pieces");
}

// Issuer and serial of every certificate were read again for every signer, to the end of an open length.
BOOST_AUTO_TEST_CASE(a_thousand_signers_and_a_thousand_open_ended_certificates)
{
    auto& c = the_clinic();
    std::string certificate = certificate_with_name(c.ann.certificate, name_of_pieces(8000 / shrink), true);
    std::string one = signer({.who = &c.bob, .content = "y"});
    auto der = signed_data(repeat(certificate, 1000), repeat(one, 1000));
    check_uniform(within_bounds("open-ended certificates", to_doc(multipart(ann_wrapped(), der))),
                  "no-sender-certificate", "certificates");
}

// Parsed names take twenty times their size: recipients that have our serial number, and long issuers.
BOOST_AUTO_TEST_CASE(recipients_with_endless_issuers)
{
    auto& c = the_clinic();
    EnvelopeParts e(c.honest(c.ec_clinic));
    std::string name = name_of_pieces(16'000 / shrink);
    std::string id = sequence({name, number(c.ec_clinic.certificate.serial_bytes())});
    std::string recipient = sequence({"\x02\x01\x00"sv, id, sequence({oid(cms::oids::rsa)}), octets("k")});
    e.recipients = repeat(recipient, 999) + e.recipients;
    BOOST_TEST(within_bounds("endless issuers", mail_around(e.der())).token == "accepted");
}

BOOST_AUTO_TEST_CASE(certificates_of_a_megabyte)
{
    auto& c = the_clinic();
    std::string large = certificate_with_name(c.ann.certificate, name_of_pieces(900'000 / shrink));
    std::string by_key = ber::element(ber::context, {"someone"});
    std::string one = signer({.who = &c.ann, .content = ann_wrapped()});
    std::string other = signer({.who = &c.ann, .content = ann_wrapped(), .id = by_key});
    // Looked through for a key identifier before any signature has verified, and collected after it.
    std::string certificates = repeat(large, 12) + std::string(c.ann.certificate.der());
    auto o = within_bounds("large certificates",
                           to_doc(multipart(ann_wrapped(), signed_data(certificates, other))));
    check_uniform(o, "no-sender-certificate", "large certificates");
    o = within_bounds("large certificates, good signature",
                      to_doc(multipart(ann_wrapped(), signed_data(certificates, one))));
    BOOST_TEST(o.token == "accepted");
    // Small ones, many: what is parsed of them all is bounded.
    std::string medium;
    for (std::size_t i = 0; i < 900; ++i)
        medium += certificate_with_name(c.ann.certificate, name_of_pieces(20'000 / shrink + 13 * i));
    o = within_bounds("many certificates", to_doc(multipart(ann_wrapped(), signed_data(medium, other))));
    check_uniform(o, "no-sender-certificate", "many certificates");
}

// They stay out of the cache too: a process would keep 4096 of them for good.
BOOST_AUTO_TEST_CASE(large_certificates_are_not_kept)
{
    auto& c = the_clinic();
    CertificateCache cache;
    auto cost = cost_of([&] {
        for (std::size_t i = 0; i < 400; ++i) {
            std::string der = certificate_with_name(c.ann.certificate, name_of_pieces(20'000 + 13 * i));
            BOOST_TEST(cache.get(der).has_value());
        }
    });
    if (!sanitized) BOOST_TEST(cost.memory <= 8U << 20);
    BOOST_TEST_MESSAGE("400 certificates of 20 to 25 KB: " << cost.memory);
}

BOOST_AUTO_TEST_CASE(endless_signed_attributes)
{
    auto& c = the_clinic();
    std::string values = repeat(oid("\x55\x04\x03"), (8U << 20) / 5 / shrink);
    for (bool open : {false, true}) {
        std::string attributes =
            type_attribute() + digest_attribute(ann_wrapped()) + attribute("\x55\x04\x03", {values});
        std::string info = signer({.who = &c.ann, .content = ann_wrapped(), .attributes = {attributes}});
        if (open) {
            auto whole = tagged(0, {attributes});
            auto at = info.find(whole);
            BOOST_REQUIRE(at != std::string::npos);
            auto inside = ber::Reader(info).next()->content;
            std::string before(inside.substr(0, std::size_t(info.data() + at - inside.data())));
            std::string after(inside.substr(before.size() + whole.size()));
            info = sequence({before, open_ended(ber::tagged(0), attributes), after});
        }
        auto o = within_bounds("endless attributes",
                               to_doc(multipart(ann_wrapped(), signed_data(c.ann.certificate.der(), info))));
        check_uniform(o, "malformed", "attributes");
    }
}

BOOST_AUTO_TEST_CASE(keys_that_take_long_to_verify_with)
{
    auto& c = the_clinic();
    struct Row {
        const char* name;
        int bits;
        std::string exponent;
    };
    const Row rows[] = {{"RSA 4096", 4096, std::string("\x01\x00\x01", 3)},
                        {"RSA 16384", 16384, std::string("\x01\x00\x01", 3)},
                        {"RSA 3072, exponent as long", 3072, std::string(383, '\xff')},
                        {"RSA 2048, exponent 1", 2048, "\x01"}};
    for (const auto& row : rows) {
        auto slow = issue({.name = row.name, .san = {"email:ann@direct.hospital.example"}},
                          public_key(row.bits, row.exponent), &c.ca);
        std::string signature(std::size_t(row.bits) / 8, '\x7f');
        // Without attributes a bad signature is tried twice: over the bytes, and over their canonical form.
        std::string one =
            signer({.who = &slow, .content = "x", .has_attributes = false, .signature = signature});
        auto der = signed_data(slow.certificate.der(), repeat(one, 1000));
        auto o = within_bounds(row.name, to_doc(multipart(ann_wrapped() + "\n", der)), 40);
        check_uniform(o, "bad-signature", row.name);
    }
}

// One good signature behind those that are tried is as good as none, and honest mail has four at most.
BOOST_AUTO_TEST_CASE(signatures_tried_are_counted)
{
    auto& c = the_clinic();
    std::string bad = signer({.who = &c.mallory,
                              .content = ann_wrapped(),
                              .signature = std::string("\x30\x06\x02\x01\x01\x02\x01\x01", 8)});
    std::string good = signer({.who = &c.ann, .content = ann_wrapped()});
    std::string certificates =
        std::string(c.mallory.certificate.der()) + std::string(c.ann.certificate.der());
    auto verdict = [&](std::size_t before) {
        return c.judge_entity(multipart(ann_wrapped(), signed_data(certificates, repeat(bad, before) + good)),
                              doc);
    };
    BOOST_TEST(verdict(0).token == "accepted");
    BOOST_TEST(verdict(31).token == "accepted");
    check_uniform(verdict(32), "bad-signature", "32 before it");
}

BOOST_AUTO_TEST_CASE(content_in_a_million_pieces)
{
    auto& c = the_clinic();
    for (const char* cipher : {"aes-256-cbc", "aes-256-gcm"}) {
        EnvelopeParts e(c.sealed(c.signed_by(c.ann, with_text(1'000'000 / shrink)), c.ec_clinic, cipher));
        const std::string content(ber::Reader(e.encrypted).next()->content);
        e.encrypted = in_pieces(ber::context, content, 1);
        BOOST_TEST(within_bounds("pieces of a byte", mail_around(e.der()), 60).token == "accepted");
        e.encrypted = in_pieces(ber::context, content, 1);
        e.encrypted.back() = char(e.encrypted.back() ^ 1);
        check_uniform(within_bounds("pieces of a byte, damaged", mail_around(e.der()), 60), "cannot-decrypt",
                      cipher);
    }
}

// Two names that issue each other, a thousand times: every step upward looked through all of them in pairs.
BOOST_AUTO_TEST_CASE(certificates_that_issue_each_other)
{
    auto key = ec_key();
    CertSpec spec{.name = "A", .ca = true, .key_usage = "keyCertSign"};
    Issued a = issue(spec, key);
    spec.name = "B";
    Issued b = issue(spec, key);
    std::string certificates;
    std::vector<Issued> leaves;
    for (int i = 0; i < 4; ++i)
        leaves.push_back(issue({.name = "leaf", .san = {"email:ann@direct.hospital.example"}}, ec_key(), &a));
    for (std::size_t i = 0; i < 450 / (sanitized ? 4 : 1); ++i) {
        spec.name = "A";
        certificates += issue(spec, key, &b).certificate.der();
        spec.name = "B";
        certificates += issue(spec, key, &a).certificate.der();
    }
    std::string signers;
    for (const auto& leaf : leaves) {
        certificates.insert(0, leaf.certificate.der());
        signers += signer({.who = &leaf, .content = ann_wrapped()});
    }
    auto o = within_bounds("certificates that issue each other",
                           to_doc(multipart(ann_wrapped(), signed_data(certificates, signers))), 100);
    check_told(o, "no-path", "each other");
    BOOST_TEST(o.because.size() <= 16u);
    // Of more signers the first eight are looked at.
    auto with_good_after = [&](std::size_t untrusted) {
        auto& c = the_clinic();
        std::string good = signer({.who = &c.ann, .content = ann_wrapped()});
        std::string one = signer({.who = &leaves[0], .content = ann_wrapped()});
        auto brought = std::string(leaves[0].certificate.der()) + std::string(c.ann.certificate.der());
        return c.judge_entity(multipart(ann_wrapped(), signed_data(brought, repeat(one, untrusted) + good)),
                              doc);
    };
    BOOST_TEST(with_good_after(7).token == "accepted");
    check_told(with_good_after(8), "no-path", "the ninth signer");
}

// A thousand good signers who are not the author: one line of audit for each of them and each recipient.
BOOST_AUTO_TEST_CASE(reasons_are_few_and_short)
{
    auto& c = the_clinic();
    Issued named = issue({.name = std::string(60, 'n'), .dn_email = std::string(100, 'e')}, ec_key());
    std::string one = signer({.who = &named, .content = ann_wrapped()});
    auto o = c.judge_entity(multipart(ann_wrapped(), signed_data(named.certificate.der(), repeat(one, 1000))),
                            doc);
    check_told(o, "sender-mismatch", "a thousand signers");
    BOOST_TEST(o.because.size() == 16u);
    std::string large = certificate_with_name(named.certificate, name_of_pieces(20'000));
    std::size_t size = 0;
    Issued forged{*Certificate::from_der(large), named.key};
    o = c.judge_entity(
        multipart(ann_wrapped(), signed_data(large, signer({.who = &forged, .content = ann_wrapped()}))),
        doc);
    check_told(o, "sender-mismatch", "an endless name");
    for (const auto& line : o.because) size += line.size();
    BOOST_TEST(size < 16'000u);
}

// Every level of encoding stood in memory beside the others.
BOOST_AUTO_TEST_CASE(encoded_messages_inside_each_other)
{
    std::string leaf =
        "Content-Type: application/pdf\r\n\r\n" + std::string((4U << 20) / shrink, 'p') + "\r\n";
    auto wrap_in = [](const std::string& encoding, const std::string& message) {
        return "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" +
               (encoding == "base64" ? base64(message, 76) : message);
    };
    std::string once = wrap_in("base64", leaf), deep = leaf;
    for (int i = 0; i < 20; ++i) deep = wrap_in("quoted-printable", deep);
    MimeLimits limits;
    std::size_t taken = 0;
    auto take = [&](Attachment&& a) {
        taken += a.bytes.size();
        return true;
    };
    BOOST_TEST(for_each_attachment(once, limits, take).has_value());
    BOOST_TEST(taken > 0u);
    Status done = Done{};
    auto cost = cost_of([&] { done = for_each_attachment(deep, limits, take); });
    BOOST_TEST(!done.has_value());
    if (!sanitized) BOOST_TEST(cost.memory <= memory_bound(deep.size()));
    BOOST_TEST_MESSAGE("encoded twenty times: " << cost.memory << " for " << deep.size());
}

BOOST_AUTO_TEST_SUITE_END()
