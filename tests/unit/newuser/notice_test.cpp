// Notices: a link and nothing else, in the person's language.
#include "milter/newuser/notice.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch.h"
#include "tests/unit/newuser/notice_desk.h"

namespace {

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(a_link_and_nothing_else)
{
    Desk d;
    const HeldRecord r = d.record();
    const auto notice = d.notice(r);
    BOOST_REQUIRE(notice);
    const Parts p = parts_of(notice->message);
    BOOST_TEST(is_canonical_crlf(notice->message));
    for (const char c : notice->message) BOOST_REQUIRE(static_cast<unsigned char>(c) < 0x80);
    for (const auto line : split(notice->message, '\n')) BOOST_TEST(line.size() <= 79u);
    BOOST_TEST(p.whole.headers.first("Auto-Submitted") == "auto-generated");
    BOOST_TEST(p.whole.headers.first("To") == "<Mila@example.net>");
    BOOST_TEST(p.whole.headers.first("From") == "\"Hill \\\"Top\\\" Clinic\" <no-reply@direct.example.net>");
    BOOST_TEST(bool(originators(p.whole.headers)));
    BOOST_TEST(p.whole.content_type.media_type() == "multipart/alternative");
    BOOST_TEST(p.subject == "A message is waiting for you");
    const std::string link = "https://pickup.example.net/p/" + printable_code(r.code);
    BOOST_TEST(contains(p.text, link));
    BOOST_TEST(contains(p.html, "<a href=\"" + link + "\">"));
    BOOST_TEST(contains(p.text, "Partner & Söhne <Praxis>"));
    BOOST_TEST(contains(p.html, "Partner &amp; Söhne &lt;Praxis&gt;"));
    BOOST_TEST(contains(p.text, "2026-12-22"));
    BOOST_TEST(contains(p.text, "telephone"));
    BOOST_TEST(contains(p.text, "genuine"));
    for (const auto& all : {p.text, p.html, p.subject, notice->message})
        for (const char* secret : {"SECRETQUESTION", "Keller", "labs.pdf", "ames@", "{{", "TEST"})
            BOOST_TEST(!contains(all, secret), secret);
    BOOST_TEST(notice->envelope_from == "notice+" + notice->token + "@reports.example.net");
    BOOST_TEST(notice->token.size() == 32u);
    BOOST_TEST(d.notice(r)->token != notice->token);
}

BOOST_AUTO_TEST_CASE(test_environment_and_missing_page)
{
    Desk d;
    d.domain.pickup_url.clear();
    d.settings.reinject_report_domain.clear();
    HeldRecord r = d.record();
    r.environment = "test";
    r.sender_organisation.clear();
    const auto notice = d.notice(r);
    BOOST_REQUIRE(notice);
    const Parts p = parts_of(notice->message);
    BOOST_TEST(p.subject.starts_with("[TEST] "));
    BOOST_TEST(contains(p.text, "TEST message"));
    BOOST_TEST(contains(p.text, printable_code(r.code)));
    BOOST_TEST(!contains(p.text, "http"));
    BOOST_TEST(!contains(p.html, "href"));
    BOOST_TEST(contains(p.text, "from direct.partner.example is waiting"));
    BOOST_TEST(notice->envelope_from.ends_with("@direct-report.mx.example.net"));
}

BOOST_AUTO_TEST_CASE(languages)
{
    Desk d;
    HeldRecord r = d.record();
    const auto subject = [&](const char* language, const char* of_domain) {
        r.language = language;
        d.domain.language = of_domain;
        const auto notice = d.notice(r);
        BOOST_REQUIRE(notice);
        return parts_of(notice->message).subject;
    };
    BOOST_TEST(subject("de", "en") == "Eine Nachricht wartet auf Sie");
    BOOST_TEST(subject("de-at", "en") == "Eine Nachricht wartet auf Sie");
    BOOST_TEST(subject("es", "en") == "Le espera un mensaje");
    BOOST_TEST(subject("fr", "de") == "Eine Nachricht wartet auf Sie");
    BOOST_TEST(subject("fr", "fr") == "A message is waiting for you");
    BOOST_TEST(subject("../de", "en") == "A message is waiting for you");
}

BOOST_AUTO_TEST_CASE(a_site_replaces_single_files)
{
    Desk d;
    test::Scratch site;
    test::run("mkdir -p " + site.path() + "/en " + site.path() + "/fr");
    d.settings.newuser_templates = site.path();
    test::write_file(site / "en/notice.txt", "Ours: {{#links}}{{link}}{{/links}} & more\n");
    const auto notice = d.notice(d.record());
    BOOST_REQUIRE(notice);
    const Parts p = parts_of(notice->message);
    BOOST_TEST(p.text.starts_with("Ours: https://pickup.example.net/p/"));
    BOOST_TEST(contains(p.text, " & more"));
    BOOST_TEST(p.subject == "A message is waiting for you");

    test::write_file(site / "en/notice.txt", "{{#links}} never closed");
    const auto broken = d.notice(d.record());
    BOOST_REQUIRE(!broken);
    BOOST_TEST(broken.error().token() == "configuration");
    BOOST_TEST(contains(broken.error().why, "en/notice.txt"));
    test::write_file(site / "en/notice.txt", "\xFF");
    BOOST_TEST(!d.notice(d.record()));

    // A subject of a template cannot become a second field.
    test::write_file(site / "en/notice.txt", "text");
    test::write_file(site / "en/notice.subject", "one\r\nBcc: eve@evil.example\n");
    const auto safe = d.notice(d.record());
    BOOST_REQUIRE(safe);
    BOOST_TEST(parts_of(safe->message).whole.headers.count("Bcc") == 0u);

    set_installed_templates(site.path() + "/nowhere");
    d.settings.newuser_templates = "/nonexistent";
    BOOST_TEST(!d.notice(d.record()));
    set_installed_templates(test::source_dir() + "/conf/pickup");
}

}  // namespace
