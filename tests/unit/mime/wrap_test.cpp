// Wrapping: what is signed is 7bit and complete, what stands outside discloses nothing, and the way
// back gives the same bytes.
#include "milter/mime/wrap.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "tests/unit/mime/samples.h"

using namespace direct;

namespace {

const Time now = *parse_iso8601("2026-11-22T03:10:00Z");

Wrapped wrapped(std::string_view message)
{
    auto w = wrap(message, "direct.clinic.example", now, {});
    BOOST_REQUIRE_MESSAGE(w, (w ? std::string() : w.error().why));
    // Messages of these tests come and go; the entity stays.
    w->own = w->entity();
    w->rest = {};
    return *std::move(w);
}

std::string inner(const Wrapped& w)
{
    auto u = unwrap(w.entity(), "", {});
    BOOST_REQUIRE(u);
    BOOST_REQUIRE(u->wrapped);
    return u->message;
}

Headers inner_headers(const Wrapped& w)
{
    static std::string kept;
    kept = inner(w);
    return read_entity(kept, {})->headers;
}

bool starts(std::string_view s, std::string_view with)
{
    return s.substr(0, with.size()) == with;
}

const std::string complete =
    "From: a@b.example\r\nTo: c@d.example\r\nDate: Sun, 22 Nov 2026 03:10:00 +0000\r\nMessage-ID: "
    "<1@b.example>\r\n"
    "MIME-Version: 1.0\r\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(wrap_)

BOOST_AUTO_TEST_CASE(every_sample_can_be_signed_and_keeps_its_attachments)
{
    for (const auto& sample : test::sample_mail()) {
        BOOST_TEST_CONTEXT(sample.name)
        {
            const auto w = wrapped(sample.bytes);
            BOOST_TEST(test::fit_to_sign(w.entity()));
            BOOST_TEST(starts(w.entity(), "Content-Type: message/rfc822\r\n"));
            const auto before = test::attachments_of(sample.bytes);
            const auto after = test::attachments_of(inner(w));
            BOOST_REQUIRE_EQUAL(before.size(), after.size());
            for (std::size_t i = 0; i < before.size(); ++i) {
                BOOST_TEST(before[i].bytes == after[i].bytes);
                BOOST_TEST(before[i].filename == after[i].filename);
                BOOST_TEST(before[i].declared_type == after[i].declared_type);
                BOOST_TEST(before[i].part == after[i].part);
            }
            // What was wrapped once is canonical, and wraps to itself.
            BOOST_TEST(wrapped(inner(w)).entity() == w.entity());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_canonical_complete_message_is_not_changed)
{
    const std::string message = complete + "Subject: x\r\n\r\nbody\r\n\r\n--\r\nAnn\r\n";
    const auto w = wrapped(message);
    BOOST_TEST(w.entity() == "Content-Type: message/rfc822\r\n\r\n" + message);
    BOOST_TEST(w.message_id == "<1@b.example>");
    BOOST_TEST(inner(w) == message);
    BOOST_TEST(inner(wrapped(complete + "\r\n")) == complete + "\r\n");
    // no empty line at all
    BOOST_TEST(inner(wrapped(complete)) == complete + "\r\n");
}

BOOST_AUTO_TEST_CASE(any_line_ends_become_canonical)
{
    const std::string message = complete + "\r\none\r\ntwo\r\n";
    std::string lf;
    for (const char c : message)
        if (c != '\r') lf += c;
    BOOST_TEST(inner(wrapped(lf)) == message);
    BOOST_TEST(inner(wrapped(complete + "\r\none\ntwo\r")) == message);
}

BOOST_AUTO_TEST_CASE(missing_fields_are_added_and_bcc_goes)
{
    const auto w = wrapped(
        "From: a@b.example\r\nBCC: secret@d.example,\r\n\tmore@d.example\r\nResent-Bcc: "
        "x@y.example\r\n\r\nx\r\n");
    const auto h = inner_headers(w);
    BOOST_TEST(h.first("To") == "undisclosed-recipients:;");
    BOOST_TEST(h.first("Date") == "Sun, 22 Nov 2026 03:10:00 +0000");
    BOOST_TEST(h.first("MIME-Version") == "1.0");
    BOOST_TEST(h.first("Message-ID") == w.message_id);
    BOOST_TEST(w.message_id.ends_with("@direct.clinic.example>"));
    BOOST_TEST(w.entity().find("secret") == std::string::npos);
    BOOST_TEST(w.entity().find("more@") == std::string::npos);
    BOOST_TEST(h.count("Resent-Bcc") == 0U);
    BOOST_TEST(wrapped("From: a@b.example\r\n\r\n").message_id !=
               wrapped("From: a@b.example\r\n\r\n").message_id);
    BOOST_TEST(wrap("From: a@b.example\r\n\r\n", "d.example", now, {}, "0a1b")->message_id ==
               "<0a1b@d.example>");
    BOOST_TEST(wrap(complete, "d.example", now, {}, "0a1b")->message_id == "<1@b.example>");
    // one that cannot be read is replaced
    const auto h2 =
        inner_headers(wrapped("From: a@b.example\r\nMessage-ID: none\r\nMessage-ID: <x@y>\r\n\r\n"));
    BOOST_TEST(h2.count("Message-ID") == 1U);
    BOOST_TEST(!message_id(h2).empty());
}

BOOST_AUTO_TEST_CASE(from_is_needed_once)
{
    BOOST_TEST(!wrap("To: a@b.example\r\n\r\n", "d.example", now, {}).has_value());
    BOOST_TEST(!wrap("From: a@b.example\r\nFrom: a@b.example\r\n\r\n", "d.example", now, {}).has_value());
    BOOST_TEST(!wrap("", "d.example", now, {}).has_value());
    BOOST_TEST(!wrap("From: a@b.example\rBcc: x\r\n\r\n", "d.example", now, {}).has_value());
}

BOOST_AUTO_TEST_CASE(eight_bit_text_becomes_quoted_printable_and_binary_base64)
{
    const auto text = inner(wrapped(
        complete +
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
        "e\r\n"));
    BOOST_TEST(text.find("Content-Transfer-Encoding: quoted-printable\r\n") != std::string::npos);
    BOOST_TEST(text.find("8bit") == std::string::npos);
    BOOST_TEST(*decode_body(*read_entity(text, {})) ==
               "Gr\xc3\xbc\xc3\x9f"
               "e\r\n");
    const std::string bytes = test::noise(5000);
    const auto binary = inner(
        wrapped(complete + "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes));
    BOOST_TEST(*decode_body(*read_entity(binary, {})) == bytes);
    const auto untyped = inner(wrapped(complete + "\r\n\xc3\xbc\r\n"));
    BOOST_TEST(read_entity(untyped, {})->content_type.parameter("charset") == "utf-8");
    // binary data whose line ends are data, without a single 8-bit byte
    const auto ends = inner(wrapped(
        complete + "Content-Type: application/x-y\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\nc\r"));
    BOOST_TEST(*decode_body(*read_entity(ends, {})) == "a\nb\r\nc\r");
}

BOOST_AUTO_TEST_CASE(text_that_is_mostly_eight_bit_grows_least)
{
    std::string text;
    for (int i = 0; i < 9000; ++i) text += i % 20 ? "\xe6\x97\xa5" : "\n";
    const auto w = wrapped(complete + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text);
    BOOST_TEST(test::fit_to_sign(w.entity()));
    BOOST_TEST(w.entity().size() < text.size() * 3 / 2 + 1024);
    BOOST_TEST(*decode_body(*read_entity(inner(w), {})) == to_crlf(text));
}

BOOST_AUTO_TEST_CASE(header_fields_become_ascii)
{
    const auto h = inner_headers(
        wrapped(complete + "Subject: Ergebnis =?utf-8?Q?f=C3=BCr?= J\xc3\xb6rg\r\n"
                           "Cc: J\xc3\xb6rg M\xc3\xbcller <jm@d.example>, \"P\xc3\xa9rez, Zo\xc3\xab\" "
                           "(\xc3\xa9) <zoe@d.example>, plain@d.example\r\n\r\nx\r\n"));
    BOOST_TEST(*decode_text(**h.only("Subject")) == "Ergebnis f\xc3\xbcr J\xc3\xb6rg");
    const auto cc = addresses_in(**h.only("Cc"));
    BOOST_REQUIRE(cc);
    BOOST_REQUIRE_EQUAL(cc->size(), 3U);
    BOOST_TEST((*cc)[1].text() == "zoe@d.example");
    BOOST_TEST(decode_text(**h.only("Cc"))->find("J\xc3\xb6rg M\xc3\xbcller") != std::string::npos);
    for (const std::string bad : {"Cc: j\xc3\xb6rg@d.example", "Cc: X <j\xc3\xb6rg@d.example>",
                                  "Subject: caf\xe9", "Cc: \xc3\xb6 <a@b.example"})
        BOOST_TEST_CONTEXT(bad)
    BOOST_TEST(!wrap(complete + bad + "\r\n\r\n", "d.example", now, {}).has_value());
    BOOST_TEST(
        !wrap(complete + "X: " + std::string(2000, 'x') + "\r\n\r\n", "d.example", now, {}).has_value());
}

BOOST_AUTO_TEST_CASE(signed_parts_inside_are_never_changed)
{
    const std::string type =
        "Content-Type: multipart/signed; boundary=s; protocol=\"application/pkcs7-signature\"\r\n\r\n";
    const std::string good =
        "--s\r\n\r\ntext  \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nMAA=\r\n--s--\r\n";
    const std::string bad =
        "--s\r\n\r\nGr\xc3\xbc\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nMAA=\r\n--s--\r\n";
    BOOST_TEST(inner(wrapped(complete + type + good)) == complete + type + good);
    const auto refused = wrap(complete + type + bad, "d.example", now, {});
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().reason == Reason::malformed));
    BOOST_TEST(refused.error().why.find("signed") != std::string::npos);
    // beside a part that must be changed, and inside a forwarded message
    const std::string mixed =
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\n\xc3\xbc\r\n--m\r\n";
    const auto w = inner(wrapped(complete + mixed + type + good + "\r\n--m--\r\n"));
    BOOST_TEST(w.find(type + good) != std::string::npos);
    BOOST_TEST(!wrap(complete + mixed + type + bad + "\r\n--m--\r\n", "d.example", now, {}).has_value());
    BOOST_TEST(!wrap(complete + mixed + "Content-Type: message/rfc822\r\n\r\nFrom: x@y.example\r\n" + type +
                         bad + "\r\n--m--\r\n",
                     "d.example", now, {})
                    .has_value());
}

BOOST_AUTO_TEST_CASE(what_stands_outside)
{
    const std::string message =
        "Subject: secret diagnosis\r\nCc: e@f.example\r\nBcc: hidden@d.example\r\nReferences: <1@b>\r\n "
        "<2@b>\r\nX-Secret: y\r\n"
        "In-Reply-To: <2@b>\r\nFrom: a@b.example\r\nReply-To: z@b.example\r\n\r\nbody\r\n";
    const auto w = wrapped(message);
    const auto outer = outer_headers(message, w, "Direct message", now, {});
    BOOST_REQUIRE(outer);
    BOOST_TEST(*outer ==
               "From: a@b.example\r\nTo: undisclosed-recipients:;\r\nCc: e@f.example\r\n"
               "Date: Sun, 22 Nov 2026 03:10:00 +0000\r\nMessage-ID: " +
                   w.message_id +
                   "\r\nIn-Reply-To: <2@b>\r\nReferences: <1@b>\r\n <2@b>\r\nMIME-Version: 1.0\r\nSubject: "
                   "Direct message\r\n");
    const auto without = outer_headers(message, w, "", now, {});
    BOOST_TEST(without->find("Subject") == std::string::npos);
    const auto german = outer_headers(message, w, "Nachricht f\xc3\xbcr Sie", now, {});
    BOOST_TEST(test::fit_to_sign(*german));
    BOOST_TEST(!outer_headers(message, Wrapped{}, "x", now, {}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
