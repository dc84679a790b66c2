// What tells a repeat of a message from another message.
#include <boost/test/unit_test.hpp>

#include "milter/custody_parts.h"
#include "tests/support/memory_store.h"
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

// A client that repeats a submission without Message-ID after a lost reply: each copy had an id of its own, and nobody ever
// answered for the first.
BOOST_AUTO_TEST_CASE(a_made_message_id_is_that_of_the_same_submission)
{
    const test::MemoryStore store;
    const auto s = site();
    const auto jones = *parse_address("jones@direct.clinic.example");
    const auto to = [&](std::initializer_list<const char*> paths) {
        std::vector<Recipient> out;
        for (const char* path : paths) out.push_back(classify_recipient(*s, path));
        return out;
    };
    const auto made = [&](const Address& from, const std::vector<Recipient>& recipients,
                          const std::string& sending, const std::string& content) {
        return made_message_id(store, from, recipients, once_id_of(*s, content, "", sending), content);
    };
    const auto bob_and_eve = to({"<bob@there.example>", "<eve@there.example>"});
    const auto one = made(jones, bob_and_eve, "1", dated);
    BOOST_TEST(one.size() == 32u);
    BOOST_TEST(made(jones, bob_and_eve, "2", dated) == one, "a repeat");
    BOOST_TEST(made(jones, to({"<eve@there.example>", "<bob@there.example>"}), "2", dated) == one);
    BOOST_TEST(made(jones, to({"<bob@THERE.example>", "<eve@there.example>", "<bob@there.example>"}), "2",
                    dated) == one);
    // Sender, recipients, Date and content: what differs in one of them is another message.
    BOOST_TEST(made(*parse_address("smith@direct.clinic.example"), bob_and_eve, "1", dated) != one);
    BOOST_TEST(made(jones, to({"<bob@there.example>"}), "1", dated) != one);
    BOOST_TEST(made(jones, to({"<bob@there.example>", "<eve@there.example>", "<joe@there.example>"}), "1",
                    dated) != one);
    std::string later = dated, other = dated;
    later.replace(later.find("03:10:00"), 8, "03:10:01");
    other.insert(other.size() - 2, "!");
    BOOST_TEST(made(jones, bob_and_eve, "1", later) != one);
    BOOST_TEST(made(jones, bob_and_eve, "1", other) != one);
    // Nothing tells two of these apart: each is its own.
    BOOST_TEST(made(jones, bob_and_eve, "1", undated) != made(jones, bob_and_eve, "2", undated));
}
