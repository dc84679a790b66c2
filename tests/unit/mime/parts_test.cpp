// Attachments: what counts as one, and its exact bytes.
#include "milter/mime/parts.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/sniff.h"
#include "milter/mime/wrap.h"
#include "tests/support/vectors.h"
#include "tests/unit/mime/samples.h"

using namespace direct;
using test::attachments_of;

namespace {

std::string mail(const std::string& name)
{
    return test::read_file(test::source_dir() + "/tests/mail/" + name);
}

std::vector<Attachment> one_part(const std::string& header, const std::string& body)
{
    return attachments_of("From: a@b.example\r\n" + header + "\r\n" + body);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parts_)

BOOST_AUTO_TEST_CASE(first_bytes_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("mime_sniff.vec")) {
        BOOST_TEST_CONTEXT(v)
        {
            const auto s = sniff(v.get("In"));
            BOOST_TEST(s.kind == v.get("Kind"));
            BOOST_TEST(s.encoding == v.get("Encoding"));
            BOOST_TEST(s.clinical == (s.kind == "xml" || s.kind == "zip"));
            BOOST_TEST(is_xml_document(v.get("In")) == (v.get("Document") == "yes"));
        }
    }
}

BOOST_AUTO_TEST_CASE(attachments_of_the_samples)
{
    BOOST_TEST(attachments_of(mail("plain_7bit.eml")).empty());
    BOOST_TEST(attachments_of(mail("empty_body.eml")).empty());
    const auto cda = attachments_of(mail("cda_base64_and_letter.eml"));
    BOOST_REQUIRE_EQUAL(cda.size(), 1U);
    BOOST_TEST(cda[0].filename == "summary.xml");
    BOOST_TEST(cda[0].declared_type == "application/xml");
    BOOST_TEST(cda[0].part == 2U);
    BOOST_TEST(sniff(cda[0].bytes).clinical);
    const auto inline_cda = attachments_of(mail("cda_8bit_inline.eml"));
    BOOST_REQUIRE_EQUAL(inline_cda.size(), 2U);
    BOOST_TEST(inline_cda[1].filename == "blüte.png");
    const auto forwarded = attachments_of(mail("forwarded_message.eml"));
    BOOST_REQUIRE_EQUAL(forwarded.size(), 1U);
    BOOST_TEST(forwarded[0].bytes == "%PDF-1.4 made up for a test");
    BOOST_TEST(attachments_of(mail("alternative_related.eml")).size() == 1U);
    const auto digest = attachments_of(mail("digest.eml"));
    BOOST_REQUIRE_EQUAL(digest.size(), 1U);
    BOOST_TEST(sniff(digest[0].bytes).kind == "zip");
    const auto raw = attachments_of(mail("binary_part_lf.eml"));
    BOOST_REQUIRE_EQUAL(raw.size(), 1U);
    BOOST_TEST(raw[0].bytes.size() == 256U + 6U);
}

BOOST_AUTO_TEST_CASE(text_is_the_letter_unless_something_says_otherwise)
{
    BOOST_TEST(one_part("", "hello").empty());
    BOOST_TEST(one_part("Content-Type: text/html\r\n", "<p>hello").empty());
    BOOST_TEST(one_part("Content-Disposition: inline\r\n", "hello").empty());
    BOOST_TEST(one_part("Content-Disposition: attachment\r\n", "hello").size() == 1U);
    BOOST_TEST(one_part("Content-Type: text/plain; name=x.txt\r\n", "hello").size() == 1U);
    BOOST_TEST(one_part("Content-Type: text/csv\r\n", "a,b").size() == 1U);
    BOOST_TEST(one_part("Content-Type: text/plain; charset=utf-8\r\n", "<?xml version='1.0'?><a/>").size() ==
               1U);
    BOOST_TEST(
        one_part("Content-Transfer-Encoding: base64\r\n", base64("<?xml version='1.0'?><a/>")).size() == 1U);
    BOOST_TEST(one_part("Content-Type: broken\r\n", "x").size() == 1U);
    const auto a = one_part("Content-Type: TEXT/XML; charset=ISO-8859-1\r\n", "<a/>");
    BOOST_REQUIRE_EQUAL(a.size(), 1U);
    BOOST_TEST(a[0].charset == "ISO-8859-1");
    BOOST_TEST(a[0].declared_type == "text/xml");
    // a broken escape in the letter is no reason to lose the attachments
    BOOST_TEST(one_part("Content-Transfer-Encoding: quoted-printable\r\n", "100 =% sure").empty());
    BOOST_TEST(one_part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n",
                        base64("Content-Type: image/png\r\n\r\nx"))
                   .size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_taker_may_stop)
{
    int seen = 0;
    const auto walked = for_each_attachment(mail("cda_8bit_inline.eml"), {}, [&](Attachment&&) {
        ++seen;
        return false;
    });
    BOOST_TEST(walked.has_value());
    BOOST_TEST(seen == 1);
}

BOOST_AUTO_TEST_CASE(broken_trees_are_malformed)
{
    const auto none = [](Attachment&&) { return true; };
    for (const std::string header :
         {"Content-Type: multipart/mixed\r\n", "Content-Type: multipart/mixed; boundary=x\r\n",
          "Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: base64\r\n",
          "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n",
          "Content-Type: message/rfc822\r\n"})
        BOOST_TEST_CONTEXT(header)
    BOOST_TEST(!for_each_attachment(header + "\r\n--y\r\nno!\r\n", {}, none).has_value());
    // a last boundary line cut off is common and harmless here
    BOOST_TEST(
        attachments_of("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: a/b\r\n\r\ny")
            .size() == 1U);
}

BOOST_AUTO_TEST_CASE(bytes_are_exact_at_every_size_and_both_line_ends)
{
    std::vector<std::size_t> sizes{1000, 4095, 4096, 4097, 10'000, 65'535, 65'536, 99'999, 100'000};
    for (std::size_t n = 1; n <= 300; ++n) sizes.push_back(n);
    for (std::size_t n = 300; n < 100'000; n += 3337) sizes.push_back(n);
    const std::string all = test::noise(100'000);
    for (const auto n : sizes) {
        const auto bytes = all.substr(0, n);
        for (const std::string line_end : {"\n", "\r\n"}) {
            const auto message = test::message_with(bytes, line_end);
            const auto direct_way = attachments_of(message);
            BOOST_REQUIRE_EQUAL(direct_way.size(), 1U);
            BOOST_REQUIRE(direct_way[0].bytes == bytes);
            const auto w = wrap(message, "d.example", Time{}, {});
            BOOST_REQUIRE(w);
            const auto wrapped_way = attachments_of(w->entity());
            BOOST_REQUIRE_EQUAL(wrapped_way.size(), 1U);
            BOOST_REQUIRE(wrapped_way[0].bytes == bytes);
        }
    }
}

BOOST_AUTO_TEST_CASE(eight_bit_text_documents_are_exact_after_wrapping)
{
    for (std::size_t n = 1; n <= 400; n += 7) {
        std::string document = "<?xml version=\"1.0\"?>\r\n<a>";
        for (std::size_t i = 0; i < n; ++i) document += i % 11 ? "\xc3\xa9 " : " \t\r\n";
        document += "</a>";
        const std::string message =
            "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: "
            "text/xml\r\n\r\n" +
            document + "\r\n--m--\r\n";
        const auto w = wrap(message, "d.example", Time{}, {});
        BOOST_REQUIRE(w);
        BOOST_REQUIRE(test::fit_to_sign(w->entity()));
        const auto a = attachments_of(w->entity());
        BOOST_REQUIRE_EQUAL(a.size(), 1U);
        BOOST_REQUIRE(a[0].bytes == document);
    }
}

BOOST_AUTO_TEST_SUITE_END()
