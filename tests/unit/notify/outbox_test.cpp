// The outbox against a real SMTP dialogue: nothing is lost, nothing is sent twice, each recipient has its answer.
#include "milter/notify/outbox.h"

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <functional>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/outbox_rows.h"
#include "milter/store/lmdb_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/scratch.h"
#include "tests/support/smtp_server.h"
#include "tests/unit/notify/post_office.h"

namespace {

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(taken_by_all)
{
    PostOffice o;
    const auto id = o.put({alice, bob});
    const auto ref = o.entry(id)->content;
    BOOST_TEST(o.pass() == 1u);
    const auto mails = o.server.mails();
    BOOST_REQUIRE(mails.size() == 1u);
    BOOST_TEST(mails[0].from.starts_with("MAIL FROM:<direct-dsn+0a1b@reports.example.net> "));
    BOOST_TEST(mails[0].from.find(" RET=HDRS") != std::string::npos);
    BOOST_TEST(mails[0].from.find(" ENVID=0a1b") != std::string::npos);
    BOOST_TEST(mails[0].from.find("BODY=") == std::string::npos);
    BOOST_REQUIRE(mails[0].rcpt.size() == 2u);
    BOOST_TEST(mails[0].rcpt[0] == "RCPT TO:<" + alice + "> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;" + alice);
    BOOST_TEST(mails[0].message == message);
    BOOST_TEST(!o.entry(id));
    BOOST_TEST(o.rows(Table::outbox_due) == 0u);
    BOOST_TEST(!o.store.content(ref));  // erased with its entry
    const auto s = o.settled(id);
    BOOST_TEST(join(s.taken, " ") == alice + " " + bob);
    BOOST_TEST(s.refused.empty());
    BOOST_TEST(s.kind == "clear-leg");
    BOOST_TEST(s.envelope_id == "0a1b");
    BOOST_TEST(s.message_id == std::string(16, 'm'));
    BOOST_TEST(s.answer == "250 2.0.0 queued as TEST");
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.server.mails().size() == 1u);
}

BOOST_AUTO_TEST_CASE(eight_bit_and_line_ends)
{
    PostOffice o;
    o.put({alice},
          "From: a@b.example\nDate: x\nMessage-ID: <1@b.example>\nSubject: s\n\nGr\xC3\xBC\xC3\x9F\x65\n");
    BOOST_TEST(o.pass() == 1u);
    const auto mails = o.server.mails();
    BOOST_REQUIRE(mails.size() == 1u);
    BOOST_TEST(mails[0].from.find(" BODY=8BITMIME") != std::string::npos);
    BOOST_TEST(mails[0].message ==
               "From: a@b.example\r\nDate: x\r\nMessage-ID: <1@b.example>\r\nSubject: "
               "s\r\n\r\nGr\xC3\xBC\xC3\x9F\x65\r\n");
}

BOOST_AUTO_TEST_CASE(one_refused_at_rcpt)
{
    PostOffice o;
    const auto before = metric_value(Metric::outbox_failed_total);
    SmtpServer::Script script;
    script.rcpt[bob] = "550 5.1.1 unknown user";
    o.server.next(script);
    const auto id = o.put({alice, bob});
    BOOST_TEST(o.pass() == 1u);
    // A refusal is the admin's to look at: the entry stays with its content, for who was refused.
    BOOST_REQUIRE(o.entry(id));
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(join(o.entry(id)->recipients, " ") == bob);
    BOOST_TEST(o.store.content(o.entry(id)->content).has_value());
    BOOST_TEST(o.pass() == 0u);  // and is not tried again by itself
    const auto s = o.settled(id);
    BOOST_TEST(join(s.taken, " ") == alice);
    BOOST_TEST(join(s.refused, "|") == bob + " 550 5.1.1 unknown user");
    BOOST_TEST(metric_value(Metric::outbox_failed_total) == before + 1);
}

BOOST_AUTO_TEST_CASE(all_refused)
{
    PostOffice o;
    SmtpServer::Script script;
    script.rcpt[alice] = "550 5.1.1 unknown user";
    script.rcpt[bob] = "554 5.7.1 no";
    o.server.next(script);
    const auto id = o.put({alice, bob});
    BOOST_TEST(o.pass() == 1u);
    BOOST_REQUIRE(o.entry(id));
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(o.entry(id)->recipients.size() == 2u);
    BOOST_TEST(o.settled(id).taken.empty());
    BOOST_TEST(join(o.settled(id).refused, "|") ==
               alice + " 550 5.1.1 unknown user|" + bob + " 554 5.7.1 no");
    BOOST_TEST(o.server.mails().empty());
}

BOOST_AUTO_TEST_CASE(some_later)
{
    PostOffice o;
    SmtpServer::Script script;
    script.rcpt[bob] = "451 4.3.0 try again";
    o.server.next(script);
    const auto id = o.put({alice, bob});
    BOOST_TEST(o.pass() == 0u);
    auto e = o.entry(id);
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(join(e->recipients, " ") == bob);
    BOOST_TEST(e->tries == 1u);
    BOOST_TEST(e->state == "waiting");
    BOOST_TEST(e->due_ms - e->created_ms == 10000);
    BOOST_TEST(join(o.settled(id).taken, " ") == alice);
    BOOST_TEST(bool(o.store.content(e->content)));

    o.server.next({});
    BOOST_TEST(o.pass() == 0u);  // not due
    BOOST_TEST(o.server.mails().size() == 1u);
    o.later(seconds(10));
    BOOST_TEST(o.pass() == 1u);
    const auto mails = o.server.mails();
    BOOST_REQUIRE(mails.size() == 2u);
    BOOST_REQUIRE(mails[1].rcpt.size() == 1u);  // Alice does not get it again
    BOOST_TEST(mails[1].rcpt[0].find(bob) != std::string::npos);
    BOOST_TEST(join(o.settled(id).taken, " ") == alice + " " + bob);
    BOOST_TEST(!o.entry(id));
}

BOOST_AUTO_TEST_CASE(message_refused_or_later)
{
    for (const bool chunking : {false, true}) {
        PostOffice o;
        SmtpServer::Script script;
        if (chunking) script.extensions.push_back("CHUNKING");
        script.data = "451 4.7.1 milter says later";
        o.server.next(script);
        const auto id = o.put({alice});
        BOOST_TEST(o.pass() == 0u);
        BOOST_TEST(o.entry(id)->last_answer == "451 4.7.1 milter says later");
        script.data = "554 5.7.1 never";
        o.server.next(script);
        o.later(seconds(10));
        BOOST_TEST(o.pass() == 1u);
        BOOST_TEST(join(o.settled(id).refused, "|") == alice + " 554 5.7.1 never");
    }
}

BOOST_AUTO_TEST_CASE(sender_refused)
{
    PostOffice o;
    SmtpServer::Script script;
    script.mail = "552 5.3.4 too big";
    o.server.next(script);
    const auto id = o.put({alice, bob});
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST(o.settled(id).refused.size() == 2u);
}

BOOST_AUTO_TEST_CASE(closed_before_the_answer)
{
    for (const bool inside : {true, false}) {
        PostOffice o;
        SmtpServer::Script script;
        script.close_in_data = inside;
        script.data = "";
        o.server.next(script);
        const auto id = o.put({alice});
        BOOST_TEST(o.pass() == 0u);
        const auto e = o.entry(id);
        BOOST_REQUIRE(e.has_value());
        BOOST_TEST(e->recipients.size() == 1u);
        BOOST_TEST(!e->last_answer.empty());
        BOOST_TEST(o.settled(id).taken.empty());
    }
}

BOOST_AUTO_TEST_CASE(refused_connections_are_tried_with_growing_pauses)
{
    PostOffice o;
    SmtpServer::Script script;
    script.greeting = "421 4.3.2 not now";
    o.server.next(script);
    o.settings->reinject_retry_max = seconds(30);
    const auto id = o.put({alice});
    for (const int pause : {10, 20, 30, 30}) {
        const auto from = o.clock.now().time_since_epoch().count();
        BOOST_TEST(o.pass() == 0u);
        BOOST_TEST(o.entry(id)->due_ms - from == pause * 1000);
        o.later(seconds(pause));
    }
}

BOOST_AUTO_TEST_CASE(nobody_listens)
{
    PostOffice o;
    {
        SmtpServer gone;
        o.settings->reinject_smtp = gone.address();
    }
    const auto first = o.put({alice});
    o.later(milliseconds(1));
    const auto second = o.put({bob});
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.entry(first)->tries == 1u);
    BOOST_TEST(o.entry(second)->tries == 0u);  // one try tells enough
    o.settings->reinject_smtp = o.server.address();
    o.later(seconds(10));
    BOOST_TEST(o.pass() == 2u);
}

BOOST_AUTO_TEST_CASE(without_dsn_nothing_is_sent)
{
    PostOffice o;
    SmtpServer::Script script;
    script.extensions = {"8BITMIME"};
    o.server.next(script);
    const auto id = o.put({alice});
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.server.mails().empty());
    BOOST_TEST(o.entry(id)->last_answer == "the listener does not offer DSN");
}

BOOST_AUTO_TEST_CASE(given_up_and_taken_up_again)
{
    PostOffice o;
    SmtpServer::Script script;
    script.data = "451 4.3.0 no";
    const auto id = o.put({alice});
    o.later(std::chrono::hours(24 * 5));
    for (unsigned tries = 1; tries <= 10; ++tries) {
        BOOST_TEST(o.entry(id)->state == "waiting");
        o.server.next(script);
        BOOST_TEST(o.pass() == 0u);
        BOOST_TEST(o.entry(id)->tries == tries);
        o.later(std::chrono::hours(2));
    }
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(o.rows(Table::outbox_due) == 0u);
    BOOST_TEST(bool(o.store.content(o.entry(id)->content)));  // kept
    o.later(std::chrono::hours(24));
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.server.connections() == 10u);

    o.server.next({});
    BOOST_TEST(*retry_outbox(o.store, "00", o.clock.now()) == 0u);
    BOOST_TEST(!retry_outbox(o.store, "not hex", o.clock.now()));
    BOOST_TEST(*retry_outbox(o.store, hex(id), o.clock.now()) == 1u);
    BOOST_TEST(list_outbox(o.store)->size() == 1u);
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST(list_outbox(o.store)->empty());
}

BOOST_AUTO_TEST_CASE(damaged_content_stays_and_is_told)
{
    PostOffice o;
    const auto id = o.put({alice});
    BOOST_REQUIRE(static_cast<test::MemoryStore&>(o.store).damage_content(o.entry(id)->content.id));
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(o.pass() == 0u);
        o.later(std::chrono::minutes(1));
    }
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(o.entry(id)->last_answer.starts_with("content: "));
    BOOST_TEST(o.server.connections() == 0u);
    BOOST_TEST(o.log.back().find("given-up") != std::string::npos);
}

// The disk is full just when the 250 should be noted: it is noted later, and nothing is sent twice.
BOOST_AUTO_TEST_CASE(outcome_survives_a_failed_write)
{
    PostOffice o;
    const auto id = o.put({alice});
    const auto sender = o.sender();
    auto& store = static_cast<test::MemoryStore&>(o.store);
    store.fail_writes(4);  // each time the end of the entry, and the look at whether the store takes anything
    BOOST_TEST(!sender->pass());
    BOOST_TEST(o.server.mails().size() == 1u);
    BOOST_TEST(o.entry(id).has_value());
    BOOST_TEST(!sender->pass());
    BOOST_TEST(bool(sender->pass()));
    BOOST_TEST(!o.entry(id));
    BOOST_TEST(join(o.settled(id).taken, " ") == alice);
    BOOST_TEST(o.server.mails().size() == 1u);
}

BOOST_AUTO_TEST_CASE(no_address_ends_a_command)
{
    PostOffice o;
    const std::string evil = "x@y.example>\r\nRCPT TO:<eve@evil.example";
    const auto id = o.put({alice, evil});
    BOOST_TEST(o.pass() == 1u);
    BOOST_REQUIRE(o.server.mails().size() == 1u);
    BOOST_TEST(o.server.mails()[0].rcpt.size() == 1u);
    BOOST_TEST(o.settled(id).refused.size() == 1u);
}

BOOST_AUTO_TEST_CASE(log_holds_nothing_of_the_message)
{
    PostOffice o;
    o.put({alice});
    o.pass();
    BOOST_REQUIRE(!o.log.empty());
    for (const auto& line : o.log) {
        BOOST_TEST(line.find("opened") == std::string::npos);
        BOOST_TEST(line.find("plain") == std::string::npos);
    }
}

// The thread, and the real store.
BOOST_AUTO_TEST_CASE(thread_over_lmdb)
{
    test::Scratch scratch;
    StoreOptions options;
    options.path = scratch / "store";
    options.size_max = 64 << 20;
    options.map_start = 16 << 20;
    options.inline_max = 4096;
    auto store = open_lmdb_store(options, Secret(std::string(32, 'k')));
    BOOST_REQUIRE_MESSAGE(store, (store ? "" : store.error().why));
    PostOffice o(std::move(*store));
    std::mutex lock;
    std::condition_variable happened;
    int handed_over = 0;
    log_to([&](int, const std::string& line) {
        std::lock_guard hold(lock);
        handed_over += line.find("handed-over") != std::string::npos;
        happened.notify_all();
    });
    const auto sender = o.sender();
    sender->wake();
    std::string big = message;
    while (big.size() < 300000) big += std::string(70, 'x') + "\r\n";
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        ids.push_back(o.put({alice}, i % 2 ? big : message));
        sender->wake();
    }
    {
        std::unique_lock hold(lock);
        BOOST_TEST(happened.wait_for(hold, std::chrono::seconds(30), [&] { return handed_over == 5; }));
    }
    sender->stop();
    sender->wake();  // after stop: nothing
    BOOST_TEST(o.server.mails().size() == 5u);
    BOOST_TEST(o.rows(Table::outbox) == 0u);
    BOOST_TEST(o.rows(Table::settled) == 5u);
    BOOST_TEST(o.store.stat()->content_files == 0u);
    log_to({});
}

}  // namespace
