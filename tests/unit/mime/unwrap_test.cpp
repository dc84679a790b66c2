// The way out of the seal, and the form that is delivered.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/wrap.h"

using namespace direct;

namespace {

const std::string inner = "From: a@b.example\nSubject: mixed line ends\r\n\r\nbody \n\xff\r\n";

std::string delivered(const std::string& header, const std::string& subject = "")
{
    const auto d = deliverable(header + "\r\nbody", "mx.clinic.example", {}, subject, {});
    BOOST_REQUIRE(d);
    return d->substr(0, d->size() - 6);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(unwrap_)

BOOST_AUTO_TEST_CASE(inner_bytes_are_exact_in_every_encoding)
{
    for (const std::string encoding : {"", "7bit", "8BIT", "binary"}) {
        const auto u = unwrap(
            "Content-Type: message/rfc822\r\n" +
                (encoding.empty() ? "" : "Content-Transfer-Encoding: " + encoding + "\r\n") + "\r\n" + inner,
            "", {});
        BOOST_REQUIRE(u);
        BOOST_TEST(u->wrapped);
        BOOST_TEST(u->message == inner);
    }
    const auto b = unwrap(
        "content-type: MESSAGE/RFC822\r\ncontent-transfer-encoding: base64\r\n\r\n" + base64(inner, 64), "",
        {});
    BOOST_REQUIRE(b);
    BOOST_TEST(b->message == inner);
    const std::string canonical = to_crlf(inner);
    std::string quoted;
    append_quoted_printable(quoted, canonical);
    const auto q =
        unwrap("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n" + quoted,
               "", {});
    BOOST_REQUIRE(q);
    BOOST_TEST(q->message == canonical);
}

BOOST_AUTO_TEST_CASE(wrapping_that_cannot_be_opened_is_malformed)
{
    for (const std::string part :
         {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
          "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: x-y\r\n\r\nA: b\r\n\r\n",
          "Content-Type: message/rfc822\r\n\r\nnot a header\r\n\r\nbody",
          "Content-Type: message/rfc822\r\nContent-Type: text/plain\r\n\r\nA: b\r\n\r\n"})
        BOOST_TEST_CONTEXT(part) BOOST_TEST(!unwrap(part, "From: a@b.example\r\n\r\n", {}).has_value());
}

BOOST_AUTO_TEST_CASE(unwrapped_mail_takes_only_content_from_the_signed_part)
{
    const auto u = unwrap(
        "Content-Type: text/html\r\nFrom: evil@x.example\r\nSubject: evil\r\ncontent-id: <1>\r\n\r\n<p>",
        "From: a@b.example\r\nContent-Type: application/pkcs7-mime\r\nSubject: s\r\nContent-Description: "
        "d\r\n"
        "MIME-Version: 1.0\r\n\r\nciphertext",
        {});
    BOOST_REQUIRE(u);
    BOOST_TEST(!u->wrapped);
    BOOST_TEST(u->message ==
               "From: a@b.example\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n"
               "content-id: <1>\r\n\r\n<p>");
    const auto bare = unwrap("\r\nx", "A: b", {});
    BOOST_REQUIRE(bare);
    BOOST_TEST(bare->message == "A: b\r\n\r\nx");
}

BOOST_AUTO_TEST_CASE(our_authentication_results_in_any_spelling)
{
    for (const std::string ours :
         {"Authentication-Results: mx.clinic.example; dkim=pass\r\n",
          "AUTHENTICATION-RESULTS:MX.Clinic.Example;dkim=pass\r\n",
          "Authentication-Results:\r\n\tmx.clinic.example;\r\n\tdkim=pass\r\n",
          "Authentication-Results: (a (b) c) mx.clinic.example 1; none\r\n",
          "Authentication-Results: \"mx.clinic.example\"; none\r\n",
          "Authentication-Results: \"mx.clin\\ic.example\"; none\r\n",
          "Authentication-Results: mx.clinic.example(c); none\r\n",
          "Authentication-Results: mx.clinic.example.; none\r\n",
          "Authentication-Results: (open mx.clinic.example; none\r\n",
          "Authentication-Results: \"open; none\r\n", "Authentication-Results: ; none\r\n",
          "Authentication-Results: mx.clinic.example\r\n"})
        BOOST_TEST_CONTEXT(ours) BOOST_TEST(delivered(ours + "A: b\r\n") == "A: b\r\n");
    for (const std::string theirs : {"Authentication-Results: mx.other.example; dkim=pass\r\n",
                                     "Authentication-Results: xmx.clinic.example; none\r\n",
                                     "Authentication-Results: mx.clinic.example.other; none\r\n",
                                     "X-Authentication-Results: mx.clinic.example; none\r\n"})
        BOOST_TEST_CONTEXT(theirs) BOOST_TEST(delivered(theirs) == theirs);
    // an id in another spelling of the same domain
    const auto d = deliverable(
        "Authentication-Results: B\xc3\xbc"
        "cher.example; none\r\n\r\n",
        "xn--bcher-kva.example", {}, "", {});
    BOOST_TEST(*d == "\r\n");
}

BOOST_AUTO_TEST_CASE(fields_that_speak_for_us_are_taken_off)
{
    BOOST_TEST(delivered("x-direct-trust: pass,\r\n more\r\nReturn-Path: <>\r\nKeep: 1\r\nDelivered-To: "
                         "x\r\nRESENT-FROM: y\r\n"
                         "Resent-Anything: z\r\nBcc: q\r\nX-Directly: 2\r\nX-Direct-: 3\r\n") ==
               "Keep: 1\r\nX-Directly: 2\r\n");
}

BOOST_AUTO_TEST_CASE(everything_else_stays_byte_for_byte)
{
    const std::string message = "a:b\n folded\r\nC:  d \r\n\n\r\nbody\xff\rbare\n";
    BOOST_TEST(*deliverable(message, "x.example", {}, "", {}) == message);
    BOOST_TEST(*deliverable(message, "x.example", {"X: 1\r\n", "Y: 2\r\n"}, "", {}) ==
               "X: 1\r\nY: 2\r\n" + message);
    BOOST_TEST(*deliverable("A: b", "x.example", {}, "", {}) == "A: b\r\n\r\n");
    BOOST_TEST(!deliverable("no header\r\n\r\n", "x.example", {}, "", {}).has_value());
}

BOOST_AUTO_TEST_CASE(a_new_subject_replaces_every_old_one)
{
    BOOST_TEST(delivered("Subject: secret\r\n answer\r\nA: b\r\nSUBJECT: again\r\n", "new") ==
               "Subject: new\r\nA: b\r\n");
    BOOST_TEST(delivered("A: b\r\n", "new") == "A: b\r\nSubject: new\r\n");
    BOOST_TEST(delivered("Subject: x\r\n", "a\r\nBcc: y") == "Subject: a  Bcc: y\r\n");
    BOOST_TEST(delivered("Subject: x\r\n", "f\xc3\xbcr") == "Subject: =?utf-8?B?ZsO8cg==?=\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
