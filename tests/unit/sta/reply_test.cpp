// What the peer reads, against the table of the command-line manual.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

#include "milter/sta/inbound.h"
#include "tests/support/vectors.h"

using namespace direct;
using namespace direct::test;

namespace {

std::string line_of(const SmtpAnswer& a)
{
    return std::to_string(a.code) + " " + a.dsn + " " + a.text;
}

}  // namespace

BOOST_DATA_TEST_CASE(every_token_has_its_reply, load_vectors("replies.vec"), v)
{
    auto reason = reason_of(v.get("Token"));
    BOOST_REQUIRE(reason.has_value());
    if (v.has("Early")) BOOST_TEST(line_of(answer_for(*reason, false)) == v.get("Early"));
    if (v.has("Verified")) BOOST_TEST(line_of(answer_for(*reason, true)) == v.get("Verified"));
}

BOOST_AUTO_TEST_CASE(before_a_signature_has_verified_all_early_reasons_read_the_same)
{
    std::set<std::string> seen;
    for (const auto& row : all_reasons())
        if (row.early) seen.insert(line_of(answer_for(row.reason, false)));
    BOOST_TEST(seen.size() == 1u);
    BOOST_TEST(*seen.begin() == "554 5.7.1 direct: not-accepted");
}

BOOST_AUTO_TEST_CASE(the_table_covers_every_refusal)
{
    std::set<std::string> covered;
    for (const auto& v : load_vectors("replies.vec")) covered.insert(v.get("Token"));
    for (const auto& row : all_reasons())
        if (is_refusal(row.reason) && row.reason != Reason::input && row.reason != Reason::configuration)
            BOOST_TEST(covered.contains(std::string(row.token)), row.token);
}

BOOST_AUTO_TEST_CASE(newuser_refusals_name_the_help_page_and_nothing_else_does)
{
    BOOST_TEST(line_of(answer_for(Reason::newuser_email_syntax, true, "https://h.example/n")) ==
               "553 5.1.3 newuser: email-syntax https://h.example/n");
    BOOST_TEST(line_of(answer_for(Reason::untrusted, true, "https://h.example/n")) ==
               "554 5.7.11 direct: untrusted");
}

BOOST_AUTO_TEST_CASE(temporary_trouble_of_one_recipient_decides_for_all)
{
    OpenedMail mail;
    mail.verdicts = {{{"a", "x.example"}, Reason::accepted, {}, {}},
                     {{"b", "x.example"}, Reason::revocation_unknown, {}, {}}};
    BOOST_TEST((mail.overall() == Reason::revocation_unknown));
    BOOST_TEST(mail.any_accepted());
}
