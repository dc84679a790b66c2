// Text and addresses in header fields.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"
#include "tests/support/vectors.h"

using namespace direct;

namespace {

Headers headers_of(const std::string& text)
{
    static std::string kept;
    kept = text;
    auto e = read_entity(kept, {});
    BOOST_REQUIRE(e);
    return e->headers;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(header_)

BOOST_AUTO_TEST_CASE(text_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("mime_words.vec")) {
        BOOST_TEST_CONTEXT(v)
        {
            const auto text = decode_text(v.get("In"));
            BOOST_TEST(text.has_value() == (v.section == "valid"));
            if (text) BOOST_TEST(*text == v.get("Out"));
            if (!text) BOOST_TEST(std::string(text.error().token()) == "malformed");
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_encoded_decodes_to_the_same)
{
    const std::string texts[] = {"plain",
                                 "Grüße aus Köln",
                                 "=?utf-8?Q?looks_like_a_word?=",
                                 "日本語の件名がとても長いので折り返しが必要になるはずです、たぶん三行ぐらい",
                                 std::string(300, 'x'),
                                 std::string(2000, 'x'),
                                 "a  b   c",
                                 std::string(60, 'y') + "é"};
    for (const auto& text : texts)
        for (const std::size_t column : {0U, 9U, 40U, 75U, 500U}) {
            const auto encoded = encode_text(text, column);
            BOOST_TEST(*decode_text(encoded) == text);
            std::size_t first = column < 48 ? column : 0;
            for (const auto line : split(encoded, '\n')) {
                if (encoded.find("=?") != std::string::npos) BOOST_TEST(first + trim(line).size() <= 76U);
                first = 0;
            }
        }
}

BOOST_AUTO_TEST_CASE(encoded_text_cannot_leave_its_field)
{
    for (const std::string& evil : {std::string("a\r\nBcc: x@y.example"), std::string("a\nb"),
                                    std::string("a\0b", 3), std::string("\x7f\x1b é\r\nX: y")}) {
        const auto encoded = encode_text(evil, 9);
        const auto e = read_entity("Subject: " + encoded + "\r\n\r\n", {});
        BOOST_REQUIRE(e);
        BOOST_TEST(e->headers.fields().size() == 1U);
        const auto decoded = decode_text(encoded);
        BOOST_REQUIRE(decoded);
        BOOST_TEST(decoded->find_first_of("\r\n") == std::string::npos);
    }
    BOOST_TEST(*decode_text(encode_text("caf\xe9", 0)) == "caf?");
}

BOOST_AUTO_TEST_CASE(address_lists_as_the_vectors_say)
{
    for (const auto& v : test::load_vectors("mime_addresses.vec")) {
        BOOST_TEST_CONTEXT(v)
        {
            const auto list = addresses_in(v.get("In"));
            BOOST_TEST(list.has_value() == (v.section == "valid"));
            if (!list) continue;
            std::vector<std::string> texts;
            for (const auto& a : *list) texts.push_back(a.text());
            BOOST_TEST(join(texts, " ") == v.get("Out"));
        }
    }
}

BOOST_AUTO_TEST_CASE(exactly_one_from)
{
    const auto o = originators(headers_of("From: A <a@b.example>\r\nSender: s@b.example\r\n\r\n"));
    BOOST_REQUIRE(o);
    BOOST_TEST(o->from.text() == "a@b.example");
    BOOST_TEST(o->sender->text() == "s@b.example");
    BOOST_TEST(!originators(headers_of("From: a@b.example\r\n\r\n"))->sender.has_value());
    const std::string bad[] = {"",
                               "From:\r\n",
                               "From: a@b.example\r\nfrom: a@b.example\r\n",
                               "From: a@b.example, c@d.example\r\n",
                               "From: g:;\r\n",
                               "From: g: a@b.example, c@d.example;\r\n",
                               "From: a@b.example\r\nSender: c@d.example\r\nSender: c@d.example\r\n",
                               "From: a@b.example\r\nSender: c@d.example, e@f.example\r\n",
                               "From: a@b.example\r\nSender: nobody\r\n"};
    for (const auto& header : bad) {
        const auto refused = originators(headers_of(header + "\r\n"));
        BOOST_TEST_CONTEXT(header) BOOST_TEST(!refused.has_value());
    }
}

BOOST_AUTO_TEST_CASE(recipients_of_all_fields_that_can_be_read)
{
    const auto list = visible_recipients(headers_of(
        "To: a@b.example\r\nCc: broken <\r\nCC: c@d.example, e@f.example\r\nBcc: x@y.example\r\n\r\n"));
    BOOST_REQUIRE_EQUAL(list.size(), 3U);
    BOOST_TEST(list[2].text() == "e@f.example");
}

BOOST_AUTO_TEST_CASE(message_ids)
{
    const auto id = [](const std::string& value) {
        return message_id(headers_of("Message-ID:" + value + "\r\n\r\n"));
    };
    BOOST_TEST(id(" <x@y>") == "<x@y>");
    BOOST_TEST(id("\r\n <x@y> (c)") == "<x@y>");
    for (const std::string bad :
         {"", " x@y", " <x>", " <@y>", " <x@>", " <x y@z>", " <x@y> <z@w>", " <\xc3\xa4@y>"})
        BOOST_TEST_CONTEXT(bad) BOOST_TEST(id(bad) == "");
    BOOST_TEST(message_id(headers_of("Message-ID: <x@y>\r\nMessage-Id: <x@y>\r\n\r\n")) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(ids_of_the_conversation)
{
    const auto ids = [](const std::string& fields) {
        std::string out;
        for (const auto& id : referenced_ids(headers_of(fields + "\r\n"), "References")) out += id;
        return out;
    };
    BOOST_TEST(ids("References: <a@x>\r\n <b@x>\t<c@x>\r\n") == "<a@x><b@x><c@x>");
    BOOST_TEST(ids("References: <a@x><b@x> (my <no@x> note) words <bad> <c@x> <end\r\n") ==
               "<a@x><b@x><c@x>");
    BOOST_TEST(ids("References: <" + std::string(1000, 'a') + "@x> <b@x>\r\n") == "<b@x>");
    BOOST_TEST(ids("References: <a@x>\r\nreferences: <b@x>\r\n") == "");
    BOOST_TEST(ids("In-Reply-To: <a@x>\r\n") == "");
    std::string many = "References:";
    for (std::size_t n = 0; n < referenced_ids_max + 10; ++n) many += "\r\n <" + std::to_string(n) + "@x>";
    const auto kept = referenced_ids(headers_of(many + "\r\n\r\n"), "References");
    BOOST_TEST(kept.size() == referenced_ids_max);
    BOOST_TEST(kept.front() == "<0@x>");
    BOOST_TEST(kept[1] == "<11@x>");
    BOOST_TEST(kept.back() == "<" + std::to_string(referenced_ids_max + 9) + "@x>");
}
