// Outbound mail and its notifications: the table of F11, deadlines, repeats, latecomers.
#include "milter/notify/watch.h"

#include <boost/test/unit_test.hpp>

#include "milter/notify/leg.h"
#include "milter/notify/owed_notice.h"
#include "tests/unit/notify/watching.h"

using namespace direct;

using namespace direct::test;

BOOST_AUTO_TEST_CASE(without_a_request_processed_completes)
{
    Watching w;
    w.begin(false);
    BOOST_TEST((w.note("processed") == NoticeUse::news));
    BOOST_TEST(w.row().state == "complete");
    BOOST_TEST(w.overdue(seconds(10000)) == 0u);
}

BOOST_AUTO_TEST_CASE(with_a_request_both_are_needed_and_the_extension_counts)
{
    Watching w;
    w.begin(true);
    w.note("processed");
    BOOST_TEST(w.row().state == "waiting");
    w.note("dispatched", false);
    BOOST_TEST(w.row().state == "waiting");
    BOOST_TEST((w.note("dispatched", true) == NoticeUse::news));
    BOOST_TEST(w.row().state == "complete");
}

BOOST_AUTO_TEST_CASE(dispatched_may_come_first)
{
    Watching w;
    w.begin(true);
    w.note("dispatched", true);
    BOOST_TEST(w.row().state == "waiting");
    w.note("processed");
    BOOST_TEST(w.row().state == "complete");
}

BOOST_AUTO_TEST_CASE(every_failure_completes_as_failed)
{
    for (const char* disposition : {"failed", "error", "denied"})
        for (bool wants_final : {false, true}) {
            Watching w;
            w.begin(wants_final);
            BOOST_TEST((w.note(disposition) == NoticeUse::news));
            BOOST_TEST(w.row().state == "failed");
            BOOST_TEST(w.overdue(seconds(10000)) == 0u);
        }
}

// "processed" and then "failed" was complete, the other way round failed: notices overtake each other.
BOOST_AUTO_TEST_CASE(a_failure_counts_whether_it_comes_before_processed_or_behind)
{
    for (bool failure_first : {false, true}) {
        Watching w;
        w.begin(false);
        w.note(failure_first ? "failed" : "processed");
        BOOST_TEST((w.note(failure_first ? "processed" : "failed") == NoticeUse::news));
        BOOST_TEST(w.row().state == "failed");
        BOOST_TEST(w.row().processed_ms != 0);
        BOOST_TEST(w.row().failed_ms != 0);
        BOOST_TEST(w.overdue(seconds(10000)) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_failure_does_not_undo_that_it_arrived)
{
    for (const char* arrived : {"displayed", "dispatched"}) {
        Watching w;
        w.begin(false);
        w.note("processed");
        w.note(arrived, true);
        w.note("failed");
        BOOST_TEST(w.row().state == "complete");
        BOOST_TEST(w.row().failed_ms != 0);
    }
}

BOOST_AUTO_TEST_CASE(repeats_are_noted_once_and_displayed_always)
{
    Watching w;
    w.begin(false);
    w.note("processed");
    BOOST_TEST((w.note("processed") == NoticeUse::repeated));
    BOOST_TEST((w.note("displayed") == NoticeUse::news));
    BOOST_TEST((w.note("displayed") == NoticeUse::news));
    BOOST_TEST(w.row().displayed_ms == (start + seconds(1)).time_since_epoch().count());
}

BOOST_AUTO_TEST_CASE(a_repeat_is_known_for_a_week_and_longer)
{
    const auto days = [](int n) { return std::chrono::hours(24 * n); };
    Watching w;
    w.begin(false);
    w.note("processed");
    for (int day : {1, 7, 8, 29}) {
        BOOST_REQUIRE(sweep_watch(w.store, start + days(day) - days(30)));  // as the daemon does
        BOOST_TEST((w.note("processed", false, days(day)) == NoticeUse::repeated), day);
    }
}

BOOST_AUTO_TEST_CASE(the_first_deadline_is_processed_the_second_dispatched)
{
    Watching w;
    w.begin(true);
    BOOST_TEST(w.overdue(seconds(59)) == 0u);
    BOOST_TEST(w.overdue(seconds(60)) == 1u);
    BOOST_TEST(!w.close(seconds(59)).has_value());
    w.note("processed", false, seconds(59));
    BOOST_TEST(w.overdue(seconds(119)) == 0u);
    BOOST_TEST(w.overdue(seconds(120)) == 1u);
    BOOST_TEST((w.close(seconds(120)) == Reason::dispatched_overdue));
    BOOST_TEST(w.row().state == "overdue");
    BOOST_TEST(w.overdue(seconds(10000)) == 0u);
    BOOST_TEST(!w.close(seconds(121)).has_value());
}

BOOST_AUTO_TEST_CASE(what_comes_after_the_failure_report_is_late)
{
    Watching w;
    w.begin(true);
    BOOST_TEST((w.close(seconds(61)) == Reason::processed_overdue));
    BOOST_TEST((w.note("processed", false, seconds(70)) == NoticeUse::late));
    BOOST_TEST((w.note("dispatched", true, seconds(71)) == NoticeUse::late));
    BOOST_TEST((w.note("displayed", false, seconds(72)) == NoticeUse::news));
    BOOST_TEST(w.row().state == "overdue");
}

BOOST_AUTO_TEST_CASE(a_repeat_of_the_message_keeps_the_first_row)
{
    Watching w;
    w.begin(false);
    w.note("processed");
    w.begin(false);
    BOOST_TEST(w.row().state == "complete");
}

BOOST_AUTO_TEST_CASE(notices_about_nothing_of_ours_are_unknown)
{
    Watching w;
    BOOST_TEST((w.note("processed") == NoticeUse::unknown));
    w.begin(false, "<2@here.test>");
    BOOST_TEST((w.note("processed") == NoticeUse::unknown));
}

// The fault: a thousand rows went each hour, and a busy site has more.
BOOST_AUTO_TEST_CASE(however_many_old_rows_go)
{
    Watching w;
    BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) -> Status {
        for (int i = 0; i < 5001; ++i) {
            LegRecord leg;
            leg.envelope_id = "leg" + std::to_string(i);
            leg.created_ms = i % 2 ? 1 : start.time_since_epoch().count();
            CHECK(keep_leg(txn, leg));
        }
        return Done{};
    }));
    BOOST_TEST(*sweep_legs(w.store, start) == 2500u);
    BOOST_TEST(w.memory.rows(Table::leg) == 2501u);
    BOOST_TEST(*sweep_legs(w.store, start) == 0u);
}

BOOST_AUTO_TEST_CASE(old_rows_go_when_nothing_is_waited_for)
{
    Watching w;
    w.begin(false);
    BOOST_TEST(*sweep_watch(w.store, start + seconds(1)) == 0u);
    w.note("processed");
    BOOST_TEST(*sweep_watch(w.store, start + seconds(1)) == 1u);
    BOOST_TEST(!next_watch_due(w.store)->has_value());
}

// ---- legs ------------------------------------------------------------------------------------------

namespace {

struct Leg {
    test::MemoryStore memory;
    RecordStore& store = memory;
    LegRecord leg;
    std::string token = "00112233445566778899aabbccddeeff";

    explicit Leg(bool wants_final, std::vector<std::string> relayed = {})
    {
        leg.envelope_id = std::string("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
        leg.original_message_id = "<1@there.test>";
        leg.sender = "bob@direct.there.test";
        leg.wants_final = wants_final;
        leg.relay_is_final = std::move(relayed);
        leg.waiting = {"alice@direct.here.test", "carol@direct.here.test"};
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return keep_leg(txn, leg); }));
    }
    void handed(std::vector<std::string> taken, std::vector<std::string> refused = {})
    {
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) { return note_handed_over(txn, store, token, taken, refused, start); }));
    }
    void reported(const std::string& who, const std::string& action)
    {
        DeliveryNotice report;
        report.recipients.push_back({parse_address(who, true).value(), std::nullopt, action, ""});
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(auto told, note_delivery(txn, store, token, report, start));
            static_cast<void>(told);
            return Done{};
        }));
    }
    std::string owed()
    {
        std::vector<std::string> words;
        const auto all = owed_notices(store);
        BOOST_REQUIRE(all);
        for (const auto& n : *all) words.push_back(n.disposition + " " + n.recipient.substr(0, 5));
        std::sort(words.begin(), words.end());
        std::string out;
        for (const auto& one : words) out += (out.empty() ? "" : ", ") + one;
        return out;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(custody_owes_processed_once)
{
    Leg l(false);
    BOOST_TEST(l.owed() == "");
    l.handed({"alice@direct.here.test"});
    BOOST_TEST(l.owed() == "processed alice");
    l.handed({"alice@direct.here.test", "carol@direct.here.test"});
    BOOST_TEST(l.owed() == "processed alice, processed carol");
    l.reported("alice@direct.here.test", "delivered");
    BOOST_TEST(l.owed() == "processed alice, processed carol");
}

BOOST_AUTO_TEST_CASE(a_report_that_overtakes_our_noting_counts)
{
    Leg l(true);
    l.reported("ALICE@direct.here.test", "delivered");
    BOOST_TEST(l.owed() == "dispatched alice, processed alice");
    l.handed({"alice@direct.here.test"});
    l.reported("alice@direct.here.test", "delivered");
    BOOST_TEST(l.owed() == "dispatched alice, processed alice");
}

BOOST_AUTO_TEST_CASE(refusal_and_failure_owe_failed)
{
    Leg l(true);
    l.handed({"alice@direct.here.test"}, {"carol@direct.here.test"});
    BOOST_TEST(l.owed() == "failed carol, processed alice");
    l.reported("alice@direct.here.test", "failed");
    BOOST_TEST(l.owed() == "failed alice, failed carol, processed alice");
    l.reported("alice@direct.here.test", "delivered");
    BOOST_TEST(l.owed() == "failed alice, failed carol, processed alice");
}

BOOST_AUTO_TEST_CASE(relayed_counts_where_the_domain_says_so)
{
    Leg l(true);
    l.handed({"alice@direct.here.test"});
    l.reported("alice@direct.here.test", "relayed");
    BOOST_TEST(l.owed() == "processed alice");
    l.reported("alice@direct.here.test", "failed");
    BOOST_TEST(l.owed() == "failed alice, processed alice");
    Leg r(true, {"direct.here.test"});
    r.handed({"alice@direct.here.test"});
    r.reported("alice@direct.here.test", "relayed");
    BOOST_TEST(r.owed() == "dispatched alice, processed alice");
    Leg e(true, {"direct.here.test"});
    e.handed({"alice@direct.here.test"});
    e.reported("alice@direct.here.test", "expanded");
    BOOST_TEST(e.owed() == "processed alice");
}

BOOST_AUTO_TEST_CASE(mail_that_wants_no_notices_gets_none)
{
    Leg l(false);
    l.leg.wants_notices = false;
    BOOST_REQUIRE(l.store.write([&](WriteTxn& txn) { return keep_leg(txn, l.leg); }));
    l.handed({"alice@direct.here.test"}, {"carol@direct.here.test"});
    BOOST_TEST(l.owed() == "");
}

BOOST_AUTO_TEST_CASE(strange_tokens_change_nothing)
{
    Leg l(false);
    l.token = "zz";
    l.handed({"alice@direct.here.test"});
    l.token = "00000000000000000000000000000000";
    l.handed({"alice@direct.here.test"});
    BOOST_TEST(l.owed() == "");
}
