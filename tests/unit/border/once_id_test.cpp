// What tells a repeat of a message from another message.
#include <boost/test/unit_test.hpp>

#include "milter/custody_parts.h"
#include "tests/support/scratch.h"

using namespace direct;

namespace {

std::shared_ptr<const Site> site()
{
    test::Scratch scratch;
    auto settings = parse_settings("[[domain]]\nname = \"direct.clinic.example\"\n", scratch / "direct.toml");
    BOOST_REQUIRE(settings);
    return load_site(*settings, SystemClock().now());
}

const std::string dated =
    "From: bob@direct.there.example\r\nDate: Sun, 22 Nov 2026 03:10:00 +0000\r\n\r\nb\r\n";
const std::string undated = "From: bob@direct.there.example\r\n\r\nb\r\n";

OpenedMail opened(bool wrapped, const std::string& message)
{
    OpenedMail out;
    out.wrapped = wrapped;
    out.message = message;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_message_id_tells_all)
{
    const auto s = site();
    auto mail = opened(false, undated);
    mail.message_id = "<1@there.example>";
    BOOST_TEST(once_id_of(*s, mail, "c1") == "<1@there.example>");
    BOOST_TEST(once_id_of(*s, dated, "<1@there.example>", "c1") == "<1@there.example>");
}

BOOST_AUTO_TEST_CASE(a_signed_date_tells_messages_apart_and_without_one_the_ciphertext_does)
{
    const auto s = site();
    BOOST_TEST(once_id_of(*s, opened(true, dated), "c1") == once_id_of(*s, opened(true, dated), "c2"));
    BOOST_TEST(once_id_of(*s, opened(true, undated), "c1") != once_id_of(*s, opened(true, undated), "c2"));
    BOOST_TEST(once_id_of(*s, opened(true, undated), "c1") == once_id_of(*s, opened(true, undated), "c1"));
}

// Two unwrapped messages without a Message-ID, of different dates and the same signed text: the Date outside the signature
// is not in the digest, the second one was taken for a repeat and never delivered.
BOOST_AUTO_TEST_CASE(a_date_outside_the_signature_tells_nothing)
{
    const auto s = site();
    BOOST_TEST(once_id_of(*s, opened(false, dated), "c1") != once_id_of(*s, opened(false, dated), "c2"));
    BOOST_TEST(once_id_of(*s, opened(false, dated), "c1") == once_id_of(*s, opened(false, dated), "c1"));
}
