// The failure report: readable by programs, and nothing of the message in it.
#include "milter/notify/dsn.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/notify/notice_texts.h"

namespace {

using namespace direct;

FailureReport sample()
{
    FailureReport r;
    r.to = *parse_address("jones@direct.example.net");
    r.postmaster = "postmaster@direct.example.net";
    r.reporting_host = "mx.example.net";
    r.original_message_id = "<m1@direct.example.net>";
    r.failed = {{*parse_address("bob@partner.example"), Reason::no_certificate},
                {*parse_address("\xC3\xB6zg\xC3\xBC@partner.example", true), Reason::temporary}};
    r.now = *parse_iso8601("2026-11-22T03:10:00Z");
    return r;
}

std::string english(const FailureReport& r)
{
    return make_failure_dsn(r, NoticeTexts().failure("en", r));
}

bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

BOOST_AUTO_TEST_CASE(fields_of_rfc_3464)
{
    const std::string dsn = english(sample());
    BOOST_TEST(is_canonical_crlf(dsn));
    for (const char c : dsn) BOOST_REQUIRE(static_cast<unsigned char>(c) < 0x80);
    const auto whole = read_entity(dsn, MimeLimits{});
    BOOST_REQUIRE(whole);
    BOOST_TEST(whole->content_type.media_type() == "multipart/report");
    BOOST_TEST(whole->content_type.parameter("report-type") == "delivery-status");
    BOOST_TEST(whole->headers.first("From") == "\"Mail Delivery\" <postmaster@direct.example.net>");
    BOOST_TEST(whole->headers.first("Auto-Submitted") == "auto-replied");
    BOOST_TEST(whole->headers.first("In-Reply-To") == "<m1@direct.example.net>");
    BOOST_TEST(whole->headers.first("Date") == "Sun, 22 Nov 2026 03:10:00 +0000");
    BOOST_TEST(message_id(whole->headers).ends_with("@mx.example.net>"));
    BOOST_TEST(contains(
        dsn, "Reporting-MTA: dns;mx.example.net\r\nX-Original-Message-ID: <m1@direct.example.net>\r\n"));
    BOOST_TEST(
        contains(dsn,
                 "\r\n\r\nFinal-Recipient: rfc822;bob@partner.example\r\nAction: failed\r\nStatus: 5.7.31\r\n"
                 "Diagnostic-Code: x-direct;no-certificate\r\n"));
    // A temporary code is final here, and an address that is not ASCII is written as RFC 6533 says.
    BOOST_TEST(contains(
        dsn,
        "Final-Recipient: utf-8;\\x{F6}zg\\x{FC}@partner.example\r\nAction: failed\r\nStatus: 5.7.0\r\n"));
    const auto boundary = whole->content_type.parameter("boundary");
    std::size_t parts = 0;
    for (auto at = dsn.find("--" + boundary + "\r\n"); at != std::string::npos;
         at = dsn.find("--" + boundary + "\r\n", at + 1))
        ++parts;
    BOOST_TEST(parts == 3u);
    BOOST_TEST(dsn.ends_with("--" + boundary + "--\r\n"));
}

BOOST_AUTO_TEST_CASE(nothing_from_outside_ends_a_field)
{
    for (const std::string id : {"<a@b>\r\nBcc: eve@evil.example", "<a b@c>", "no brackets", "<>", "",
                                 "<\xC3\xB6@b>", "<a@b>\nX: y"}) {
        auto r = sample();
        r.original_message_id = id;
        const std::string dsn = english(r);
        BOOST_TEST(!contains(dsn, "evil"));
        BOOST_TEST(!contains(dsn, "Original-Message-ID"));
        BOOST_TEST(!contains(dsn, "rfc822-headers"));
        BOOST_TEST(bool(read_entity(dsn, MimeLimits{})));
    }
    auto r = sample();
    r.original_message_id = "<" + std::string(2000, 'x') + "@b>";
    for (const auto line : split(english(r), '\n')) BOOST_TEST(line.size() <= 998u);
}

BOOST_AUTO_TEST_CASE(reports_are_told_apart)
{
    const auto id = [](const std::string& dsn) {
        return message_id(read_entity(dsn, MimeLimits{})->headers);
    };
    BOOST_TEST(id(english(sample())) != id(english(sample())));
}

}  // namespace
