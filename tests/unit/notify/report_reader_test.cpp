// Notifications as others write them: well, and as sloppily as ONC's generators do (E10).
#include "milter/notify/report_reader.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/notify/dsn.h"
#include "milter/notify/mdn.h"

using namespace direct;

namespace {

std::string report(const std::string& type, const std::string& fields, const std::string& more = "")
{
    return to_crlf(
        "From: bob@direct.there.test\nTo: alice@direct.here.test\nMIME-Version: 1.0\n"
        "In-Reply-To: <reply@x.test>\n"
        "Content-Type: multipart/report; report-type=" +
        type + "; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nwords\n--b\nContent-Type: message/" +
        type + "\n\n" + fields + "\n" + more + "--b--\n");
}

DispositionNotice mdn(const std::string& fields)
{
    static std::string bytes;
    bytes = report("disposition-notification", fields);
    auto entity = read_entity(bytes, {});
    BOOST_REQUIRE(entity);
    BOOST_TEST((notice_kind(*entity, {}) == NoticeKind::disposition));
    auto read = read_disposition_notice(*entity, {});
    BOOST_REQUIRE(read);
    return *read;
}

DeliveryNotice dsn(const std::string& fields, const std::string& more = "")
{
    static std::string bytes;
    bytes = report("delivery-status", fields, more);
    auto entity = read_entity(bytes, {});
    BOOST_REQUIRE(entity);
    BOOST_TEST((notice_kind(*entity, {}) == NoticeKind::delivery));
    auto read = read_delivery_notice(*entity, {});
    BOOST_REQUIRE(read);
    return *read;
}

std::string text(const std::optional<Address>& a)
{
    return a ? a->text() : "none";
}

// One notification, spelled in the ways senders spell it.
const char* const spellings[] = {
    // as the RFC has it
    "Reporting-UA: host; product\nFinal-Recipient: rfc822;bob@direct.there.test\n"
    "Original-Message-ID: <1@here.test>\nDisposition: automatic-action/MDN-sent-automatically;processed\n",
    // names in other cases
    "FINAL-RECIPIENT: RFC822;bob@direct.there.test\noriginal-message-id: <1@here.test>\n"
    "DISPOSITION: Automatic-Action/mdn-sent-automatically;PROCESSED\n",
    // white space
    "Final-Recipient :  rfc822 ;   bob@direct.there.test  \nOriginal-Message-ID :   <1@here.test> \n"
    "Disposition:   automatic-action/MDN-sent-automatically ;   processed  \n",
    // blank lines in between
    "\n\nFinal-Recipient: rfc822;bob@direct.there.test\n\n\nOriginal-Message-ID: <1@here.test>\n\n"
    "Disposition: automatic-action/MDN-sent-automatically;processed\n\n",
    // blanks inside the disposition
    "Final-Recipient: rfc822;bob@direct.there.test\nOriginal-Message-ID: <1@here.test>\n"
    "Disposition: automatic-action / MDN-sent-automatically; processed\n",
    // folded, a friendly name, indented fields
    "Final-Recipient: rfc822;\n Bob <bob@direct.there.test>\n Original-Message-ID:\n\t<1@here.test>\n"
    "Disposition: automatic-action/MDN-sent-automatically;\n processed\n",
};

}  // namespace

BOOST_DATA_TEST_CASE(one_notification_in_every_spelling, boost::unit_test::data::make(spellings), fields)
{
    const auto read = mdn(fields);
    BOOST_TEST(text(read.final_recipient) == "bob@direct.there.test");
    BOOST_TEST(read.original_message_id == "<1@here.test>");
    BOOST_TEST(read.disposition == "processed");
    BOOST_TEST(!read.final_delivery);
}

BOOST_AUTO_TEST_CASE(a_missing_disposition_is_no_success)
{
    BOOST_TEST(mdn("Final-Recipient: rfc822;bob@direct.there.test\nOriginal-Message-ID: <1@here.test>\n")
                   .disposition == "");
    BOOST_TEST(mdn("Disposition: whatever\n").disposition == "");
    BOOST_TEST(mdn("Disposition: a/b; processed-maybe\n").disposition == "");
}

BOOST_AUTO_TEST_CASE(dispositions_and_their_modifiers)
{
    auto of = [](const std::string& v) { return mdn("Disposition: " + v + "\n").disposition; };
    BOOST_TEST(of("manual-action/MDN-sent-manually; displayed") == "displayed");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; dispatched") == "dispatched");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; failed") == "failed");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; processed/error") == "error");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; failed/Failure: no") == "error");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; processed/warning") == "processed");
    BOOST_TEST(of("automatic-action/MDN-sent-automatically; denied") == "denied");
    BOOST_TEST(of("processed") == "processed");
}

BOOST_AUTO_TEST_CASE(the_final_delivery_extension_counts_with_and_without_a_value)
{
    for (const char* value : {"", "optional,true", "lorem ipsum"})
        BOOST_TEST(mdn(std::string("Disposition: a/b;dispatched\nX-DIRECT-FINAL-DESTINATION-DELIVERY: ") +
                       value + "\n")
                       .final_delivery);
    BOOST_TEST(mdn("Disposition: a/b;dispatched\nx-direct-final-destination-delivery:\n").final_delivery);
}

BOOST_AUTO_TEST_CASE(without_original_message_id_the_reply_field_tells)
{
    BOOST_TEST(mdn("Disposition: a/b;processed\n").original_message_id == "<reply@x.test>");
}

BOOST_AUTO_TEST_CASE(what_we_make_we_read)
{
    Mdn made{*parse_address("bob@direct.there.test"),
             *parse_address("alice@direct.here.test"),
             "<7@here.test>",
             "failed",
             "newuser:quota",
             {{std::string(final_delivery_field), ""}},
             "words",
             "mx.there.test",
             {}};
    const auto bytes = make_mdn(made);
    auto entity = read_entity(bytes, {});
    BOOST_REQUIRE(entity);
    auto read = read_disposition_notice(*entity, {});
    BOOST_REQUIRE(read);
    BOOST_TEST(read->original_message_id == "<7@here.test>");
    BOOST_TEST(read->disposition == "failed");
    BOOST_TEST(read->failure == "newuser:quota");
    BOOST_TEST(read->final_delivery);
    FailureReport failure{*parse_address("alice@direct.here.test"),
                          "postmaster@direct.here.test",
                          "mx",
                          "<8@here.test>",
                          {{*parse_address("x@y.test"), Reason::no_certificate},
                           {*parse_address("z@y.test"), Reason::untrusted}},
                          {}};
    const auto dsn_bytes = make_failure_dsn(failure, {"subject", "words"});
    auto dsn_entity = read_entity(dsn_bytes, {});
    BOOST_REQUIRE(dsn_entity);
    auto dsn_read = read_delivery_notice(*dsn_entity, {});
    BOOST_REQUIRE(dsn_read);
    BOOST_TEST(dsn_read->original_message_id == "<8@here.test>");
    BOOST_REQUIRE(dsn_read->recipients.size() == 2u);
    BOOST_TEST(text(dsn_read->recipients[1].final_recipient) == "z@y.test");
    BOOST_TEST(dsn_read->recipients[1].action == "failed");
    BOOST_TEST(dsn_read->recipients[1].status == "5.7.11");
}

BOOST_AUTO_TEST_CASE(postfix_success_report_with_two_recipients)
{
    const auto read = dsn(
        "Reporting-MTA: dns; mx.here.test\nOriginal-Envelope-Id: 0123+3Dab\nX-Postfix-Queue-ID: 4XyZ\n\n"
        "Final-Recipient: rfc822; alice@direct.here.test\nOriginal-Recipient: rfc822;alice@direct.here.test\n"
        "Action: delivered\nStatus: 2.0.0\nDiagnostic-Code: X-Postfix; delivered to maildir\n\n"
        "Final-Recipient: rfc822; list@direct.here.test\nOriginal-Recipient: rfc822;list@direct.here.test\n"
        "Action: expanded (to multi-recipient alias)\nStatus: 2.0.0\n");
    BOOST_TEST(read.original_envelope_id == "0123=ab");
    BOOST_REQUIRE(read.recipients.size() == 2u);
    BOOST_TEST(text(read.recipients[0].original_recipient) == "alice@direct.here.test");
    BOOST_TEST(read.recipients[0].action == "delivered");
    BOOST_TEST(read.recipients[1].action == "expanded");
}

BOOST_AUTO_TEST_CASE(groups_that_begin_with_the_original_recipient)
{
    const auto read =
        dsn("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.1.1\n\n"
            "Original-Recipient: rfc822; c@b.test\nFinal-Recipient: rfc822; d@b.test\nAction: delivered\n");
    BOOST_REQUIRE(read.recipients.size() == 2u);
    BOOST_TEST(text(read.recipients[0].original_recipient) == "none");
    BOOST_TEST(text(read.recipients[1].original_recipient) == "c@b.test");
    BOOST_TEST(read.recipients[1].action == "delivered");
}

BOOST_AUTO_TEST_CASE(an_action_is_one_of_five_words)
{
    const auto read =
        dsn("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.test\nAction: " + std::string(5000, 'x') +
            "\nStatus: 2.0.0\n");
    BOOST_REQUIRE(read.recipients.size() == 1u);
    BOOST_TEST(read.recipients[0].action == "");
}

BOOST_AUTO_TEST_CASE(a_diagnostic_cannot_make_a_delivery_of_a_failure)
{
    const auto read =
        dsn("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; alice@direct.here.test\nAction: "
            "failed\nStatus: 5.2.2\n"
            "Diagnostic-Code: smtp; 552 full\n Final-Recipient: rfc822; alice@direct.here.test\n Action: "
            "delivered\n");
    BOOST_REQUIRE(read.recipients.size() == 1u);
    BOOST_TEST(read.recipients[0].action == "failed");
}

BOOST_AUTO_TEST_CASE(the_returned_header_tells_which_message)
{
    const auto read =
        dsn("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.1.1\n",
            "--b\nContent-Type: text/rfc822-headers\n\nSubject: secret\nMessage-ID: <9@here.test>\n\n");
    BOOST_TEST(read.original_message_id == "<9@here.test>");
}

BOOST_AUTO_TEST_CASE(hostile_reports_are_bounded)
{
    std::string many = "Reporting-MTA: dns; mx\n\n";
    for (int i = 0; i < 5000; ++i) many += "Final-Recipient: rfc822; a@b.test\nAction: failed\n\n";
    BOOST_TEST(dsn(many).recipients.size() <= 1000u);
    BOOST_TEST(mdn("Failure: " + std::string(5000, 'x') + "\n").failure.size() <= 100u);
    BOOST_TEST(mdn("Failure: no room for Mary Smith's result\n").failure == "");  // prose may hold anything
    BOOST_TEST(mdn("Original-Message-ID: <" + std::string(5000, 'x') + "@y.test>\n").original_message_id ==
               "<reply@x.test>");
}

BOOST_AUTO_TEST_CASE(requests_for_final_delivery)
{
    struct {
        const char* fields;
        bool asks;
    } rows[] = {
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true\n", true},
        {"disposition-notification-options:  x-direct-final-destination-delivery = optional , true \n", true},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=required,true\n", true},
        {"Disposition-Notification-Options: a=optional,b; "
         "X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true\n",
         true},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,false\n", false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=true\n", false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY\n", false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVRY=optional,true\n", false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=maybe,true\n", false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true;garbage\n",
         false},
        {"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true\n"
         "Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true\n",
         false},
        {"Subject: none\n", false},
    };
    for (const auto& row : rows) {
        const std::string bytes = std::string(row.fields) + "\nbody\n";
        auto entity = read_entity(bytes, {});
        BOOST_REQUIRE(entity);
        BOOST_TEST(asks_for_final_delivery(entity->headers) == row.asks, row.fields);
    }
}

BOOST_AUTO_TEST_CASE(automatic_mail_is_told)
{
    for (const char* field :
         {"Auto-Submitted: auto-replied\n", "auto-submitted: Auto-Generated (x)\n", "Precedence: bulk\n"}) {
        const std::string bytes = std::string(field) + "\nbody\n";
        BOOST_TEST(is_automatic(read_entity(bytes, {})->headers), field);
    }
    for (const char* field : {"Auto-Submitted: no\n", "Subject: auto-replied\n"}) {
        const std::string bytes = std::string(field) + "\nbody\n";
        BOOST_TEST(!is_automatic(read_entity(bytes, {})->headers), field);
    }
}

// Mail that calls itself a notification would otherwise pass where mail is trusted in one direction only (D10).
BOOST_AUTO_TEST_CASE(only_a_small_notice_about_a_message_counts_under_one_way_trust)
{
    const std::string about = "Original-Message-ID: <1@x.test>\n";
    const std::string processed = "Final-Recipient: rfc822;bob@x.test\n" + about +
                                  "Disposition: automatic-action/MDN-sent-automatically;processed\n";
    const std::string failed =
        "Reporting-MTA: dns; x\nX-Original-Message-ID: <1@x.test>\n\n"
        "Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1\n";
    BOOST_TEST(is_small_notice(report("disposition-notification", processed), {}));
    BOOST_TEST(is_small_notice(report("delivery-status", failed), {}));
    BOOST_TEST(!is_small_notice(report("disposition-notification", about), {}), "no disposition");
    BOOST_TEST(!is_small_notice(report("delivery-status", about), {}), "no recipient");
    BOOST_TEST(!is_small_notice("Subject: x\r\n\r\nwords\r\n", {}));
    const auto padding = "--b\nContent-Type: text/plain\n\n" + std::string(64 * 1024, 'x') + "\n";
    BOOST_TEST(!is_small_notice(report("disposition-notification", processed, padding), {}), "a letter");
}
