// Entities and multipart/signed: exact bytes, and no guessing.
#include <boost/test/unit_test.hpp>
#include <random>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/message.h"
#include "milter/mime/split.h"
#include "tests/support/vectors.h"
#include "tests/unit/mime/samples.h"

using namespace direct;

namespace {

bool malformed(const Fault& f)
{
    return f.reason == Reason::malformed && f.retry == Retry::never;
}

std::string why(const auto& result)
{
    return result ? std::string() : result.error().why;
}

Entity signed_entity(const std::string& boundary, const std::string& body)
{
    Entity e;
    e.content_type.type = "multipart";
    e.content_type.subtype = "signed";
    e.content_type.parameters["boundary"] = boundary;
    e.body = body;
    return e;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(entity_)

BOOST_AUTO_TEST_CASE(entities_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("mime_entity.vec")) {
        BOOST_TEST_CONTEXT(v)
        {
            const std::string in = v.get("In");
            const auto e = read_entity(in, {});
            if (v.section == "invalid") {
                BOOST_REQUIRE(!e);
                BOOST_TEST(malformed(e.error()));
                continue;
            }
            BOOST_REQUIRE_MESSAGE(e, why(e));
            BOOST_TEST(e->headers.fields().size() == std::stoul(v.get("Fields")));
            BOOST_TEST(e->body == v.get("Body"));
            BOOST_TEST(e->content_type.media_type() == v.get("Type"));
            BOOST_TEST(e->transfer_encoding == v.get("Encoding"));
            BOOST_TEST(e->disposition == v.get("Disposition"));
            BOOST_TEST(e->filename == v.get("Filename"));
        }
    }
}

BOOST_AUTO_TEST_CASE(header_separator_and_body_are_the_input)
{
    for (const auto& sample : test::sample_mail()) {
        const auto block = split_header(sample.bytes, {});
        BOOST_REQUIRE(block);
        BOOST_TEST(std::string(block->header_bytes) + std::string(block->separator) +
                       std::string(block->body) ==
                   sample.bytes);
        std::string raw;
        for (const auto& f : block->headers.fields()) raw += f.raw;
        BOOST_TEST(raw == block->header_bytes);
    }
}

BOOST_AUTO_TEST_CASE(header_limits_are_exact)
{
    MimeLimits limits;
    limits.headers = 8;
    BOOST_TEST(read_entity("A: b\r\nC:", limits).has_value());
    BOOST_TEST(read_entity("A: bbb\r\n\r\nbody", limits).has_value());
    BOOST_TEST(!read_entity("A: bbbb\r\n\r\nbody", limits).has_value());
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "A:\n";
    BOOST_TEST(read_entity(many, {}).has_value());
    BOOST_TEST(!read_entity(many + "A:\n", {}).has_value());
}

BOOST_AUTO_TEST_CASE(fields_are_found_without_case)
{
    const auto e = read_entity("SUBJECT: a\r\n b\r\nsubject: c\r\nX: d\r\n\r\n", {});
    BOOST_REQUIRE(e);
    BOOST_TEST(e->headers.count("Subject") == 2U);
    BOOST_TEST(e->headers.first("Subject") == "a b");
    BOOST_TEST(e->headers.first("None") == "");
    BOOST_TEST(!e->headers.only("subject").has_value());
    BOOST_TEST(**e->headers.only("x") == " d");
    BOOST_TEST(!e->headers.only("None")->has_value());
}

BOOST_AUTO_TEST_CASE(signed_parts_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("mime_signed.vec")) {
        BOOST_TEST_CONTEXT(v)
        {
            const std::string body = v.get("In");
            const auto parts = split_signed(signed_entity(v.get("Boundary", "b"), body), {});
            if (v.section == "invalid") {
                BOOST_REQUIRE(!parts);
                BOOST_TEST(malformed(parts.error()));
                continue;
            }
            BOOST_REQUIRE_MESSAGE(parts, why(parts));
            BOOST_TEST(parts->content == v.get("Content"));
        }
    }
}

BOOST_AUTO_TEST_CASE(only_multipart_signed_in_the_clear_is_split)
{
    const std::string body = "--b\r\n\r\nx\r\n--b\r\n\r\n--b--\r\n";
    auto e = signed_entity("b", body);
    BOOST_TEST(split_signed(e, {}).has_value());
    e.transfer_encoding = "base64";
    BOOST_TEST(!split_signed(e, {}).has_value());
    e.transfer_encoding = "8bit";
    BOOST_TEST(split_signed(e, {}).has_value());
    e.content_type.subtype = "mixed";
    BOOST_TEST(!split_signed(e, {}).has_value());
}

BOOST_AUTO_TEST_CASE(preamble_may_be_a_line_of_text_and_no_more)
{
    const std::string parts = "--b\r\n\r\nx\r\n--b\r\n\r\n--b--\r\n";
    BOOST_TEST(split_signed(signed_entity("b", std::string(996, 'x') + "\r\n" + parts), {}).has_value());
    BOOST_TEST(!split_signed(signed_entity("b", std::string(997, 'x') + "\r\n" + parts), {}).has_value());
}

BOOST_AUTO_TEST_CASE(cms_types_old_and_new)
{
    for (const std::string name :
         {"application/pkcs7-mime", "Application/X-PKCS7-MIME; smime-type=anything"}) {
        const auto type = read_content_type(name);
        BOOST_REQUIRE(type);
        BOOST_TEST(is_cms(*type));
        BOOST_TEST(!is_cms_signature(*type));
    }
    BOOST_TEST(is_cms_signature(*read_content_type("application/x-pkcs7-signature; name=smime.p7s")));
    BOOST_TEST(!is_cms(*read_content_type("application/octet-stream; name=smime.p7m")));
}

BOOST_AUTO_TEST_CASE(bodies_are_decoded_or_refused)
{
    const auto body = [](const std::string& encoding, const std::string& bytes) {
        return decode_transfer(bytes, encoding);
    };
    BOOST_TEST(*body("", "a\xff") == "a\xff");
    BOOST_TEST(*body("binary", std::string("a\0b", 3)) == std::string("a\0b", 3));
    BOOST_TEST(*body("base64", "aGVs\r\nbG8=\r\n") == "hello");
    BOOST_TEST(*body("quoted-printable", "a=3D=\r\nb  \r\nc=c3=A4\n") == "a=b\r\nc\xc3\xa4\n");
    BOOST_TEST(*body("quoted-printable", "end=") == "end");
    // what lies
    BOOST_TEST(!body("base64", "aGVsbG8=\r\nfooter").has_value());
    BOOST_TEST(!body("base64", "not base64!").has_value());
    BOOST_TEST(!body("base64", "aGVsb").has_value());
    BOOST_TEST(!body("base64", "aG=sbG8=").has_value());
    BOOST_TEST(!body("quoted-printable", "a=G1").has_value());
    BOOST_TEST(!body("quoted-printable", "a=4\r\n1").has_value());
    BOOST_TEST(!body("x-uuencode", "a").has_value());
}

BOOST_AUTO_TEST_CASE(quoted_printable_comes_back_and_stays_narrow)
{
    std::string tricky = "a \r\n\t\r\n.\r\nFrom x\r\n=\r\n" + std::string(200, ' ') + "\r\n" +
                         std::string(77, '.') + "\r\n" + std::string(500, '\xe9') + "\r\nlast";
    for (std::size_t n = 0; n <= 160; ++n) {
        const std::string text = std::string(n, 'x') + (n % 3 ? "=" : " ") + tricky;
        std::string encoded;
        append_quoted_printable(encoded, text);
        for (const auto line : split(encoded, '\n')) BOOST_REQUIRE_LE(line.size(), 77U);  // with CR
        BOOST_REQUIRE(test::fit_to_sign(encoded));
        BOOST_REQUIRE(*unquoted_printable(encoded) == text);
    }
}

BOOST_AUTO_TEST_CASE(file_names_are_never_paths)
{
    BOOST_TEST(safe_filename("a/b\\c.xml") == "c.xml");
    BOOST_TEST(safe_filename("..") == "");
    BOOST_TEST(safe_filename("a/..") == "");
    BOOST_TEST(safe_filename(" a\r\n\x7f\xc2\x85.txt ") == "a.txt");
    BOOST_TEST(safe_filename("\xff.txt") == "_.txt");
    const auto cut = safe_filename(std::string(254, 'a') + "\xc3\xa4");
    BOOST_TEST(cut == std::string(254, 'a'));
}

namespace {

/// scan_bytes() character by character.
ByteScan slow_scan(const std::string& s)
{
    ByteScan scan;
    std::size_t line = 0;
    auto end_line = [&] {
        scan.long_line |= line > 998;
        line = 0;
    };
    for (std::size_t i = 0; i < s.size(); ++i) {
        scan.eight_bit |= static_cast<unsigned char>(s[i]) > 127;
        scan.nul |= s[i] == 0;
        if (s[i] == '\n') {
            scan.lf = true;
            end_line();
        } else if (s[i] == '\r' && s.substr(i + 1, 1) == "\n") {
            scan.crlf = true;
            ++i;
            end_line();
        } else {
            scan.bare_cr |= s[i] == '\r';
            ++line;
        }
    }
    end_line();
    return scan;
}

void compare_scans(const std::string& s)
{
    const auto fast = scan_bytes(s), slow = slow_scan(s);
    BOOST_REQUIRE(fast.eight_bit == slow.eight_bit);
    BOOST_REQUIRE(fast.nul == slow.nul);
    BOOST_REQUIRE(fast.long_line == slow.long_line);
    BOOST_REQUIRE(fast.bare_cr == slow.bare_cr);
    BOOST_REQUIRE(fast.lf == slow.lf);
    BOOST_REQUIRE(fast.crlf == slow.crlf);
    BOOST_REQUIRE(is_canonical_crlf(s) == (!slow.lf && !slow.bare_cr));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_scan_in_blocks_sees_what_one_by_one_sees)
{
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::string s(random() % 200, 'x');
        for (auto& c : s)
            if (random() % 8 == 0) c = "\r\n\r\n\n\r\0\x80"[random() % (round % 2 ? 8 : 4)];
        if (round % 3 == 0) s = to_crlf(s);
        compare_scans(s);
    }
    for (std::size_t n = 990; n < 1010; ++n)
        for (const std::string before : {"", "\r\n", "a\r\n", "a\r\nb\r\n"})
            for (const char* after : {"", "\r\n", "\r\nb", "\r\n\r\n", "\n", "\r"})
                compare_scans(before + std::string(n, 'x') + after);
}

BOOST_AUTO_TEST_SUITE_END()
