// Notices: a link and nothing else, in the person's language, and never more than one in an interval.
#include "milter/newuser/notice.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/mime/words.h"
#include "milter/newuser/held_record.h"
#include "milter/newuser/notice_queue.h"
#include "milter/notify/held_end.h"
#include "milter/notify/held_notice.h"
#include "milter/notify/outbox_rows.h"
#include "tests/support/memory_store.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace {

using namespace direct;

struct Desk {
    test::MemoryStore store;
    Settings settings = default_settings();
    DomainSettings domain;
    Time now = *parse_iso8601("2026-11-22T03:10:00Z");

    Desk()
    {
        set_installed_templates(test::source_dir() + "/conf/pickup");
        settings.newuser_templates = "/nonexistent";
        settings.reinject_report_domain = "reports.example.net";
        domain.name = "direct.example.net";
        domain.organisation = "Hill \"Top\" Clinic";
        domain.pickup_url = "https://pickup.example.net";
    }
    HeldRecord record() const
    {
        HeldRecord r;
        r.id = new_id();
        r.code = new_pickup_code();
        r.environment = "production";
        r.contact = "Mila@example.net";
        r.display_name = "Mila Keller";
        r.sender = "ames@direct.partner.example";
        r.sender_organisation = "Partner & Söhne <Praxis>";
        r.question = "SECRETQUESTION";
        r.language = "en";
        r.attachments.push_back({"labs.pdf", "application/pdf", "pdf", "", 10});
        r.received_ms = now.time_since_epoch().count();
        r.expires_ms = r.received_ms + 30LL * 24 * 3600 * 1000;
        return r;
    }
    Result<Notice> notice(const HeldRecord& r) const
    {
        return make_notice(r, domain, settings, "mx.example.net", now);
    }
};

struct Parts {
    Entity whole;
    std::string subject, text, html;
};
Parts parts_of(const std::string& message)
{
    Parts p;
    auto whole = read_entity(message, MimeLimits{});
    BOOST_REQUIRE(whole);
    p.whole = *whole;
    p.subject = *decode_text(p.whole.headers.first("Subject"));
    const std::string boundary = "--" + p.whole.content_type.parameter("boundary");
    const std::string body(p.whole.body);
    const auto first = body.find(boundary), second = body.find(boundary, first + 1),
               last = body.find(boundary, second + 1);
    BOOST_REQUIRE(last != std::string::npos);
    const auto text_of = [&](std::size_t from, std::size_t to) {
        const std::string one = body.substr(from + boundary.size() + 2, to - from - boundary.size() - 2);
        auto entity = read_entity(one, MimeLimits{});
        BOOST_REQUIRE(entity);
        return *decode_body(*entity);
    };
    p.text = text_of(first, second);
    p.html = text_of(second, last);
    return p;
}

bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

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

// ---- at most one in an interval -----------------------------------------------------------------

struct Queue : Desk {
    HeldRecord add(const std::string& contact = "mila@example.net")
    {
        HeldRecord r = record();
        r.contact = contact;
        auto p = prepare(r);
        commit(r, p);
        return r;
    }
    PreparedNotice prepare(const HeldRecord& r)
    {
        auto p = prepare_notice(store, r, domain, settings, "mx.example.net", "QUEUE1", now);
        BOOST_REQUIRE(p);
        return std::move(*p);
    }
    void commit(const HeldRecord& r, const PreparedNotice& p)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                CHECK(txn.put(Table::held, r.id, encode(r)));
                return p.write(txn);
            },
            4096));
    }
    std::vector<OutboxEntry> entries()
    {
        std::vector<OutboxEntry> out;
        auto data = store.data();
        for (const auto& [key, none] : data.tables[Table::outbox_due])
            out.push_back(*decode_outbox(data.tables[Table::outbox][key.substr(8)]));
        return out;
    }
    std::int64_t minutes_from_start(const OutboxEntry& e) const
    {
        return (e.due_ms - parse_iso8601("2026-11-22T03:10:00Z")->time_since_epoch().count()) / 60000;
    }
    /// What the outbox does once it was taken.
    void send(const OutboxEntry& e)
    {
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return remove_outbox(txn, e); }, 100));
    }
    void later(int minutes) { now += std::chrono::minutes(minutes); }
    void end(const HeldRecord& r, const char* state)
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                TRY(const auto ended, end_held(txn, store, r.id, state, now));
                BOOST_TEST(ended.has_value());
                return Done{};
            },
            100));
    }
};

BOOST_AUTO_TEST_CASE(the_first_goes_at_once_the_rest_in_a_digest)
{
    Queue q;
    const auto first = q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 0);
    BOOST_TEST(q.entries()[0].kind == "pickup-notice");
    BOOST_TEST(q.entries()[0].notify == "FAILURE");
    BOOST_TEST(q.entries()[0].message_id == first.id);
    q.send(q.entries()[0]);

    std::vector<HeldRecord> waiting;
    for (const char* contact : {"mila@example.net", "MILA@example.net", "mila@EXAMPLE.net"}) {
        q.later(10);
        waiting.push_back(q.add(contact));
        BOOST_REQUIRE(q.entries().size() == 1u);  // one digest replaces the notice before it
        BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 60);
        BOOST_TEST(q.entries()[0].message_id.size() == 16 * waiting.size());
    }
    const auto digest = q.entries()[0];
    const Parts p = parts_of(*q.store.content(digest.content, {}));
    BOOST_TEST(p.subject == "3 messages are waiting for you");
    for (const auto& r : waiting) {
        BOOST_TEST(contains(p.text, printable_code(r.code)));
        BOOST_TEST(contains(p.html, printable_code(r.code)));
    }
    BOOST_TEST(!contains(p.text, printable_code(first.code)));
    BOOST_TEST(q.store.data().contents.size() == 1u);  // the replaced ones are gone
    BOOST_TEST(!contains(q.store.dump(Table::notice), "mila"));

    // Somebody else is not concerned.
    q.add("bob@example.net");
    BOOST_TEST(q.entries().size() == 2u);

    // After the digest a new interval runs, then a notice goes at once again.
    q.later(35);
    q.send(digest);
    q.add();
    BOOST_TEST(q.minutes_from_start(q.entries().back()) == 120);
    q.send(q.entries().back());
    q.later(120);
    q.add();
    BOOST_TEST(q.minutes_from_start(q.entries().back()) == 185);
}

// The fault: after a notice under a clock that ran ahead, the next waited as long as that clock had been ahead.
BOOST_AUTO_TEST_CASE(a_clock_set_back_keeps_no_notice_back)
{
    Queue q;
    q.later(60 * 24);
    q.add();
    q.send(q.entries()[0]);
    q.later(-60 * 24);
    q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 0);
}

BOOST_AUTO_TEST_CASE(no_interval_no_digest)
{
    Queue q;
    q.settings.newuser_notice_interval = milliseconds(0);
    q.add();
    q.add();
    BOOST_TEST(q.entries().size() == 2u);
    for (const auto& e : q.entries()) BOOST_TEST(q.minutes_from_start(e) == 0);
}

BOOST_AUTO_TEST_CASE(two_at_the_same_moment)
{
    Queue q;
    const auto a = q.record(), b = q.record();
    const auto notice_a = q.prepare(a), notice_b = q.prepare(b);
    q.commit(a, notice_a);
    q.commit(b, notice_b);
    auto entries = q.entries();
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(q.minutes_from_start(entries[0]) == 0);
    BOOST_TEST(q.minutes_from_start(entries[1]) == 60);  // not both now
    q.later(1);
    q.add("Mila@example.net");
    entries = q.entries();
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(entries[1].message_id.size() == 32u);  // the postponed one was gathered
}

BOOST_AUTO_TEST_CASE(a_digest_that_was_sent_meanwhile)
{
    Queue q;
    q.add();
    q.send(q.entries()[0]);
    q.later(1);
    q.add();
    const auto late = q.record();
    q.later(1);
    HeldRecord r = late;
    r.contact = "mila@example.net";
    const auto prepared = q.prepare(r);
    BOOST_REQUIRE(prepared.replaces.size() == 1u);
    q.send(q.entries()[0]);
    q.commit(r, prepared);
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.minutes_from_start(q.entries()[0]) == 120);  // one interval after the one that went
}

BOOST_AUTO_TEST_CASE(records_that_wait_no_more_are_left_out)
{
    Queue q;
    q.add();
    q.send(q.entries()[0]);
    HeldRecord gone = q.add();
    gone.state = "revoked";
    BOOST_REQUIRE(
        q.store.write([&](WriteTxn& txn) { return txn.put(Table::held, gone.id, encode(gone)); }, 100));
    const auto kept = q.add();
    BOOST_REQUIRE(q.entries().size() == 1u);
    BOOST_TEST(q.entries()[0].message_id == kept.id);
    BOOST_TEST(
        !contains(parts_of(*q.store.content(q.entries()[0].content, {})).text, printable_code(gone.code)));
}

// A record that had ended was still announced by the notice that waited for it.
BOOST_AUTO_TEST_CASE(the_notice_of_a_record_that_has_ended_is_taken_back)
{
    for (const char* end : {"expired", "revoked", "locked"}) {
        Queue q;
        q.add();
        q.send(q.entries()[0]);
        const auto a = q.add(), b = q.add();
        BOOST_REQUIRE(q.entries().size() == 1u);  // the digest
        const auto digest = q.entries()[0];
        q.end(a, end);
        BOOST_TEST(q.entries().empty());
        BOOST_TEST(q.store.data().contents.empty());
        BOOST_TEST(q.store.data().tables[Table::leg].count(*unhex(digest.envelope_id)) == 0u);
        // The other one still waits: it is told of anew, and not later.
        const auto again = notices_owed_again(q.store, 10);
        BOOST_REQUIRE(again);
        BOOST_REQUIRE(again->size() == 1u);
        BOOST_TEST(again->front().held_id == b.id);
        BOOST_TEST(again->front().due.time_since_epoch().count() == digest.due_ms);
        q.end(b, end);
        BOOST_TEST(notices_owed_again(q.store, 10)->empty(), "nobody is left to be told of");
    }
}

// One that is tried again and again is taken back too; another contact's is not.
BOOST_AUTO_TEST_CASE(a_notice_that_was_tried_is_taken_back)
{
    Queue q;
    const auto a = q.add();
    auto tried = q.entries()[0];
    tried.tries = 3;
    tried.due_ms += 1000;
    BOOST_REQUIRE(q.store.write([&](WriteTxn& txn) { return put_outbox(txn, q.entries()[0], tried); }, 100));
    q.later(1);
    const auto b = q.add(), other = q.add("bob@example.net");
    BOOST_TEST(q.entries().size() == 3u);
    q.end(a, "revoked");
    const auto left = q.entries();
    BOOST_REQUIRE(left.size() == 2u);
    for (const auto& e : left) BOOST_TEST((e.message_id == b.id || e.message_id == other.id));
}

// Its administrator finds it, but cannot send it any more once the record has ended.
BOOST_AUTO_TEST_CASE(a_notice_that_failed_stays_until_its_record_ends)
{
    Queue q;
    const auto a = q.add();
    auto failed = q.entries()[0];
    failed.state = "failed";
    BOOST_REQUIRE(q.store.write([&](WriteTxn& txn) { return put_outbox(txn, q.entries()[0], failed); }, 100));
    q.end(a, "notify-failed");
    BOOST_TEST(q.store.data().tables[Table::outbox].size() == 1u);
    q.end(a, "revoked");
    BOOST_TEST(q.store.data().tables[Table::outbox].empty());
}

}  // namespace
