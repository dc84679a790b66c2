// The words of what we tell: every language complete, a site's own files first, and nothing broken hidden.
#include "milter/notify/notice_texts.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"
#include "milter/notify/mdn.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace {

using namespace direct;
namespace fs = std::filesystem;

Settings site_with(const std::string& language, const std::string& own = "/nonexistent")
{
    set_installed_notices(test::source_dir() + "/conf/notices");
    auto settings = default_settings();
    DomainSettings domain;
    domain.name = "direct.here.test";
    domain.language = language;
    settings.domains = {domain};
    settings.notify_templates = own;
    return settings;
}

FailureReport report()
{
    FailureReport r;
    r.to = *parse_address("alice@direct.here.test");
    r.postmaster = "postmaster@direct.here.test";
    r.reporting_host = "mx.here.test";
    r.original_message_id = "<8@here.test>";
    r.failed = {{*parse_address("x@y.test"), Reason::no_certificate},
                {*parse_address("z@y.test"), Reason::processed_overdue}};
    return r;
}

bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

bool named(const NoticeTexts& texts, std::string_view part)
{
    for (const auto& f : texts.faults())
        if (contains(f, part)) return true;
    return false;
}

BOOST_AUTO_TEST_CASE(every_language_has_every_text_and_a_line_for_every_token)
{
    for (const auto& folder : fs::directory_iterator(test::source_dir() + "/conf/notices")) {
        const auto texts = NoticeTexts::load(site_with(folder.path().filename()));
        for (const auto& fault : texts->faults()) BOOST_ERROR(fault);
    }
    BOOST_TEST(NoticeTexts().faults().empty());
}

BOOST_AUTO_TEST_CASE(a_report_tells_what_happened_and_what_can_be_done)
{
    const auto text = NoticeTexts().failure("en", report());
    BOOST_TEST(text.subject == "Direct message not delivered");
    BOOST_TEST(contains(text.text, "Message-ID: <8@here.test>"));
    BOOST_TEST(contains(text.text, "x@y.test (no-certificate, 5.7.31)"));
    BOOST_TEST(contains(text.text, "No certificate of the recipient was found"));
    BOOST_TEST(contains(text.text, "z@y.test (processed-overdue, 5.4.71)"));
    BOOST_TEST(contains(text.text, "What you can do: Ask the recipient by another way"));
    auto nameless = report();
    nameless.original_message_id = "<a@b>\r\nBcc: eve@evil.test";
    BOOST_TEST(!contains(NoticeTexts().failure("en", nameless).text, "Message-ID"));
}

BOOST_AUTO_TEST_CASE(german_for_a_domain_that_speaks_german)
{
    for (const char* language : {"de", "DE", "de-AT"}) {
        const auto texts = NoticeTexts::load(site_with(language));
        BOOST_TEST(texts->faults().empty());
        const auto words =
            texts->disposition(language, {"failed", "bob@direct.here.test", "delivery-failed", {"W1"}});
        BOOST_TEST(words.subject == "Ihre Direct-Nachricht konnte nicht zugestellt werden");
        BOOST_TEST(contains(words.text, "bob@direct.here.test"));
        BOOST_TEST(contains(words.text, "(delivery-failed)"));
        BOOST_TEST(contains(words.text, "Was Sie tun k\xC3\xB6nnen: "));
        BOOST_TEST(contains(words.text, "Hinweis: W1"));
        // Words outside ASCII travel in seven bits, and come back.
        Mdn mdn{*parse_address("bob@direct.here.test"),
                *parse_address("a@there.test"),
                "<1@there.test>",
                "failed",
                "delivery-failed",
                {},
                words.text,
                "mx",
                {},
                "Zugestellt \xC3\xBC"
                "ber Nacht"};
        const auto bytes = make_mdn(mdn);
        for (const char c : bytes) BOOST_REQUIRE(static_cast<unsigned char>(c) < 0x80);
        BOOST_TEST(contains(bytes, "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"));
        BOOST_TEST(contains(bytes, "k=C3=B6nnen"));
        BOOST_TEST(contains(bytes, "Subject: =?"));
    }
}

BOOST_AUTO_TEST_CASE(a_sites_own_files_come_first_one_by_one)
{
    test::Scratch site;
    fs::create_directory(site / "en");
    test::write_file(site / "en/processed.txt", "Ours: {{recipient}}");
    const auto texts = NoticeTexts::load(site_with("en", site.path()));
    BOOST_TEST(texts->faults().empty());
    const NoticeTexts::About about{"processed", "bob@direct.here.test", "", {}};
    BOOST_TEST(texts->disposition("en", about).text == "Ours: bob@direct.here.test");
    BOOST_TEST(texts->disposition("en", about).subject == "Your Direct message has arrived");
}

BOOST_AUTO_TEST_CASE(what_is_broken_is_told_and_the_programs_english_stands_in)
{
    const auto english = NoticeTexts().disposition("en", {"failed", "b@x.test", "expired", {}});
    struct Case {
        const char *file, *content, *fault;
    };
    for (const auto& [file, content, fault] :
         {Case{"failed.txt", "{{#warnings}} never closed", "en/failed.txt: "},
          Case{"failed.txt", "\xFF", "en/failed.txt: not UTF-8"},
          Case{"failed.txt", " \n", "en/failed.txt: empty"},
          Case{"failed.txt", "Dear {{reciever}}", "en/failed.txt: {{reciever}} is not known"},
          Case{"failed.txt", "about {{subject}}", "en/failed.txt: {{subject}} is not known"},
          Case{"reasons.txt", "expired | only two", "en/reasons.txt:1: wants"},
          Case{"reasons.txt", "expirred | a | b", "en/reasons.txt:1: expirred is no token"},
          Case{"reasons.txt", "revoked | a | b", "en/reasons.txt: no line for expired"}}) {
        test::Scratch site;
        fs::create_directory(site / "en");
        test::write_file((site / "en/") + file, content);
        const auto texts = NoticeTexts::load(site_with("en", site.path()));
        BOOST_TEST(named(*texts, fault), fault << " in " << join(texts->faults(), "\n"));
        const auto words = texts->disposition("en", {"failed", "b@x.test", "expired", {}});
        BOOST_TEST(words.text == english.text);
        BOOST_TEST(words.subject == english.subject);
    }
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_told)
{
    BOOST_TEST(named(*NoticeTexts::load(site_with("tlh")), "no folder tlh"));
    BOOST_TEST(named(*NoticeTexts::load(site_with("../../etc")), "no folder"));
    test::Scratch nowhere;
    auto settings = site_with("en");
    set_installed_notices(nowhere.path());
    const auto texts = NoticeTexts::load(settings);
    BOOST_TEST(texts->faults().size() == 9u);
    BOOST_TEST(texts->failure("en", report()).subject == "Direct message not delivered");
    // A language that is there in part: what lacks is told, not passed over for another language.
    fs::create_directory(nowhere / "de");
    settings.domains[0].language = "de";
    BOOST_TEST(named(*NoticeTexts::load(settings), "/de/failed.txt"));
    set_installed_notices(test::source_dir() + "/conf/notices");
}

BOOST_AUTO_TEST_CASE(a_subject_of_a_template_cannot_become_a_second_field)
{
    test::Scratch site;
    fs::create_directory(site / "en");
    test::write_file(site / "en/report.subject", "one\r\nBcc: eve@evil.test\n");
    const auto texts = NoticeTexts::load(site_with("en", site.path()));
    const auto dsn = make_failure_dsn(report(), texts->failure("en", report()));
    const auto whole = read_entity(dsn, MimeLimits{});
    BOOST_REQUIRE(whole);
    BOOST_TEST(whole->headers.count("Bcc") == 0u);
}

}  // namespace
