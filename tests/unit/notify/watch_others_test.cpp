// Beside those who have to answer: what our own MTA has told, and recipients nobody answers for.
#include <boost/test/unit_test.hpp>

#include "milter/notify/watch.h"
#include "tests/unit/notify/watching.h"

using namespace direct;
using namespace direct::test;

// What Postfix's bounce had told was told again an hour later: nobody answered.
BOOST_AUTO_TEST_CASE(what_our_mta_has_told_is_not_overdue)
{
    Watching w;
    w.begin_from("QUEUE1", "");
    const auto bounce = w.bounce("QUEUE1", "");
    auto other_message = bounce, other_recipient = bounce, other_sender = bounce;
    other_message.message_id = "<2@here.test>";
    other_recipient.recipient = *parse_address("dave@direct.there.test");
    other_sender.sender = *parse_address("carol@direct.here.test");
    for (const auto& other : {w.bounce("QUEUE2", ""), w.bounce("", ""), w.bounce("QUEUE2", "0a1b"),
                              other_message, other_recipient, other_sender}) {
        BOOST_TEST(!w.told(other));
        BOOST_TEST(w.row().state == "waiting");
    }
    BOOST_TEST(w.told(bounce));
    BOOST_TEST(w.row().state == "failed");
    BOOST_TEST(w.row().failure == "bounced:5.1.1");
    BOOST_TEST(w.overdue(seconds(10000)) == 0u);
    BOOST_TEST(!w.told(bounce), "once");
    // Sent again it is waited for again.
    w.begin_from("QUEUE9", "");
    BOOST_TEST(w.row().state == "waiting");
    BOOST_TEST(!w.told(bounce), "the old queue id");
}

// A path may name one; the rows were read back by a stricter rule, and nobody heard that such mail had failed.
BOOST_AUTO_TEST_CASE(a_recipient_with_a_one_label_domain_is_watched)
{
    Watching w;
    w.bob = parse_path("<joe@mailhost>").value().value();
    w.begin_from("QUEUE1", "");
    BOOST_TEST(w.row().state == "waiting");
    BOOST_TEST(w.overdue(seconds(10000)) == 1u);
}

BOOST_AUTO_TEST_CASE(a_leg_from_the_outbox_is_known_by_its_envelope_id)
{
    Watching w;
    w.begin_from("QUEUE1", "0a1b");
    BOOST_TEST(!w.told(w.bounce("QUEUE1", "")), "its queue id is another one");
    BOOST_TEST(!w.told(w.bounce("QUEUE7", "ffff")));
    BOOST_TEST(w.told(w.bounce("QUEUE7", "0a1b")));
}

BOOST_AUTO_TEST_CASE(an_answer_that_came_before_the_bounce_stands)
{
    Watching w;
    w.begin_from("QUEUE1", "");
    w.note("processed");
    BOOST_TEST(!w.told(w.bounce("QUEUE1", "")));
    BOOST_TEST(w.row().state == "complete");
}

BOOST_AUTO_TEST_CASE(other_recipients_stand_beside_and_nobody_answers_for_them)
{
    Watching w;
    WatchRecord local;
    local.message_id = "<1@here.test>";
    local.sender = "alice@direct.here.test";
    local.recipient = w.bob.text();
    local.leg = "local";
    local.state = "queued";
    w.keep(local);
    BOOST_TEST((w.note("processed") == NoticeUse::unknown), "his mailbox answers, not he");
    const auto move = [&](const char* state, const std::string& sender = "alice@direct.here.test") {
        BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) {
            return note_local(txn, w.store, "<1@here.test>", sender, w.bob, state, "delivery-failed", start);
        }));
        return w.row().state;
    };
    BOOST_TEST(move("processed", "eve@direct.there.test") == "queued", "somebody else's message");
    BOOST_TEST(move("processed") == "processed");
    BOOST_TEST(move("delivered") == "delivered");
    BOOST_TEST(w.row().dispatched_ms == start.time_since_epoch().count());
    auto again = local;
    again.leg = again.state = "refused";
    w.keep(again);
    BOOST_TEST(w.row().state == "delivered", "never over one that is under way");
    BOOST_TEST(move("failed") == "failed");
    BOOST_TEST(w.row().failure == "delivery-failed");
    w.keep(local);
    BOOST_TEST(w.row().state == "queued", "sent again");
    auto stranger = again;
    stranger.sender = "eve@direct.there.test";
    move("failed");
    w.keep(stranger);
    BOOST_TEST(w.row().state == "failed", "nobody writes over what another one sent");
    BOOST_TEST(w.overdue(seconds(10000)) == 0u);
    local.message_id = "";
    w.keep(local);
    BOOST_TEST(w.memory.rows(Table::watch) == 1u);
}

BOOST_AUTO_TEST_CASE(what_was_refused_and_is_sent_again_is_waited_for)
{
    Watching w;
    WatchRecord refused;
    refused.message_id = "<1@here.test>";
    refused.sender = "alice@direct.here.test";
    refused.recipient = w.bob.text();
    refused.leg = refused.state = "refused";
    w.keep(refused);
    w.begin(false);
    BOOST_TEST(w.row().state == "waiting");
    BOOST_TEST((w.note("processed") == NoticeUse::news));
}

// The same message sent before where nobody answers (in clear, to a mailbox here, as automatic mail): the sealed sending
// was not waited for.
BOOST_AUTO_TEST_CASE(what_went_where_nobody_answers_is_waited_for_when_it_is_sealed)
{
    const std::pair<const char*, const char*> before[] = {
        {"untouched", "untouched"}, {"local", "queued"}, {"local", "delivered"}, {"sealed", "sent"}};
    for (const auto& [leg, state] : before) {
        Watching w;
        WatchRecord row;
        row.message_id = "<1@here.test>";
        row.sender = "alice@direct.here.test";
        row.recipient = w.bob.text();
        row.leg = leg;
        row.state = state;
        w.keep(row);
        w.begin(false);
        BOOST_TEST(w.row().state == "waiting", leg);
        BOOST_TEST(w.overdue(seconds(10000)) == 1u, leg);
        BOOST_TEST((w.note("processed") == NoticeUse::news));
        w.begin(false);
        BOOST_TEST(w.row().state == "complete", "a repeat");
    }
}

// The fault: ours was committed, a later milter said 451, and the client's repeat left under another queue id. The failure
// report came by the first one's deadline, and Postfix's bounce of the second was told twice.
BOOST_AUTO_TEST_CASE(a_repeat_that_left_in_place_counts_from_the_last_copy)
{
    Watching w;
    w.begin_from("QUEUE1", "");
    auto repeat = w.row();
    repeat.queue_id = "QUEUE2";
    repeat.sent_ms += 50'000;
    repeat.processed_by_ms += 50'000;
    const auto begin = [&](const WatchRecord& row) {
        BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) { return begin_watch(txn, w.store, row); }));
    };
    begin(repeat);
    BOOST_TEST(w.overdue(seconds(61)) == 0u);
    BOOST_TEST(w.overdue(seconds(111)) == 1u);
    BOOST_TEST(!w.told(w.bounce("QUEUE1", "")));
    BOOST_TEST(w.told(w.bounce("QUEUE2", "")));
    // One from the outbox is not sent twice, and what was answered is answered.
    for (const bool answered : {false, true}) {
        Watching o;
        o.begin_from("QUEUE1", answered ? "" : "0a1b");
        if (answered) o.note("displayed");
        o.begin_from("QUEUE2", answered ? "" : "ffff");
        BOOST_TEST(o.row().queue_id == "QUEUE1");
    }
}

// The fault: a second submitter who sent the same Message-ID to the same recipient was never told of its failure.
BOOST_AUTO_TEST_CASE(two_senders_of_one_message_id_are_both_told)
{
    Watching w;
    w.begin_from("QUEUE1", "");
    auto second = w.row();
    second.sender = second.return_path = "carol@direct.here.test";
    second.queue_id = "QUEUE2";
    BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) { return begin_watch(txn, w.store, second); }));
    const auto state_of = [&](const std::string& sender) {
        const auto rows = watches_of(w.store, "<1@here.test>");
        BOOST_REQUIRE(rows);
        for (const auto& row : *rows)
            if (row.sender == sender) return row.state;
        return std::string("none");
    };
    BOOST_TEST(w.overdue(seconds(61)) == 2u);
    const auto note = [&](std::string_view disposition, const std::string& to) {
        NoticeUse use = NoticeUse::unknown;
        BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) -> Status {
            TRY(use, note_notice(txn, w.store, "<1@here.test>", w.bob, disposition, false, "", start,
                                 [&](const WatchRecord& row) { return row.sender == to; }));
            return Done{};
        }));
        return use;
    };
    BOOST_TEST((note("processed", "eve@direct.here.test") == NoticeUse::unknown));
    BOOST_TEST((note("processed", "alice@direct.here.test") == NoticeUse::news));
    BOOST_TEST(state_of("alice@direct.here.test") == "complete");
    BOOST_TEST(state_of("carol@direct.here.test") == "waiting");
    // The first one's row may leave before the second's.
    BOOST_TEST(*sweep_watch(w.store, start + seconds(1)) == 1u);
    auto bounce = w.bounce("QUEUE2", "");
    BOOST_TEST(!w.told(bounce), "alice was not told of it");
    const auto due = overdue_watches(w.store, start + seconds(61), 100);
    BOOST_REQUIRE(due);
    BOOST_REQUIRE(due->size() == 1u);
    BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) -> Status {
        TRY(const auto reason, close_overdue(txn, w.store, due->front(), start + seconds(61)));
        BOOST_TEST((reason == Reason::processed_overdue));
        return Done{};
    }));
    BOOST_TEST(state_of("carol@direct.here.test") == "overdue");
    // The second one's own repeat is a new try, in the same row.
    BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) { return begin_watch(txn, w.store, second); }));
    BOOST_TEST(state_of("carol@direct.here.test") == "waiting");
    BOOST_TEST(w.memory.rows(Table::watch) == 1u);
    bounce.sender = *parse_address("carol@direct.here.test");
    BOOST_TEST(w.told(bounce));
}
