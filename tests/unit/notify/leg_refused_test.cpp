// Sealed and plain legs of a submission that our own MTA refuses: their submitter hears of exactly those recipients, once.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/once.h"
#include "milter/notify/outbox_rows.h"
#include "milter/notify/owed_notice.h"
#include "milter/notify/watch.h"
#include "tests/unit/notify/post_office.h"

using namespace direct;
using namespace direct::test;

namespace {

const std::string submitter = "jones@direct.example.net", dave = "dave@direct.there.test",
                  erin = "erin@direct.there.test";
const std::string leg_message_id = "<1@direct.example.net>";

/// A submitted message's leg in the outbox, with its row of the watch and its row against repeats.
struct Handover : PostOffice {
    std::string id;
    LegRecord leg;

    explicit Handover(std::vector<std::string> to, const std::string& kind = "sealed-leg")
    {
        id = put(to);
        leg.envelope_id = std::string(id_size, 'e');
        leg.original_message_id = leg.once_id = leg_message_id;
        leg.sender = submitter;
        leg.digest = "digest";
        leg.queue_id = "QUEUE1";
        leg.told_by_report = true;
        leg.created_ms = now_ms();
        leg.waiting = to;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(const auto before, get_outbox(txn, id));
            auto entry = *before;
            entry.kind = kind;
            entry.envelope_id = hex(leg.envelope_id);
            CHECK(put_outbox(txn, *before, entry));
            for (const auto& r : to) CHECK(first_time(txn, repeat_key(r), "leg", clock.now()));
            return keep_leg(txn, leg);
        }));
        for (const auto& r : to) watch(r, kind);
    }
    std::int64_t now_ms() const { return clock.now().time_since_epoch().count(); }
    std::string repeat_key(const std::string& to)
    {
        return once_key(store, "leg", leg.once_id, leg.sender, to, leg.digest);
    }
    void watch(const std::string& to, const std::string& kind)
    {
        WatchRecord row;
        row.message_id = leg_message_id;
        row.sender = row.return_path = submitter;
        row.recipient = to;
        row.sent_ms = now_ms();
        if (kind == "plain-leg") {
            row.leg = row.state = "untouched";
            BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return note_recipient(txn, store, row); }));
            return;
        }
        row.envelope_id = hex(leg.envelope_id);
        row.processed_by_ms = row.sent_ms + 3'600'000;
        row.dispatched_by_ms = row.sent_ms + 7'200'000;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return begin_watch(txn, store, row); }));
    }
    void answers(const std::map<std::string, std::string>& rcpt)
    {
        SmtpServer::Script script;
        script.rcpt = rcpt;
        server.next(script);
    }
    /// One more try, after its pause.
    void tried_again()
    {
        later(std::chrono::hours(1));
        pass();
    }
    WatchRecord row(const std::string& to)
    {
        std::vector<WatchRecord> found;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(found, watches_for(txn, store, leg_message_id, *parse_address(to)));
            return Done{};
        }));
        BOOST_REQUIRE(found.size() == 1u);
        return found.front();
    }
    std::string state(const std::string& to) { return row(to).state; }
    std::vector<OwedNotice> owed() { return *owed_notices(store); }
    std::size_t overdue()
    {
        return overdue_watches(store, clock.now() + std::chrono::hours(24), 100)->size();
    }
    bool is_repeat(const std::string& to)
    {
        bool there = false;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto bytes, txn.get(Table::idempotency, repeat_key(to)));
            there = bytes.has_value();
            return Done{};
        }));
        return there;
    }
};

using Recipients = std::vector<std::string>;

}  // namespace

// The submitter heard of it by the overdue report an hour later, and by nothing at all when nobody was to answer.
BOOST_AUTO_TEST_CASE(whom_our_mta_refuses_is_told_of_at_once_and_once)
{
    Handover h({dave, erin});
    h.answers({{dave, "550 5.1.1 no such user"}});
    h.pass();
    BOOST_REQUIRE(h.owed().size() == 1u);
    const auto report = h.owed().front();
    BOOST_TEST(report.is_report());
    BOOST_TEST(report.sender == submitter);
    BOOST_TEST(report.recipients == Recipients{dave});
    BOOST_TEST(report.failure == "handover-refused");
    BOOST_TEST(report.original_message_id == leg_message_id);
    BOOST_TEST(h.state(dave) == "failed");
    BOOST_TEST(h.row(dave).failure == "handover-refused");
    BOOST_TEST(h.row(dave).failed_ms == h.now_ms());
    BOOST_TEST(h.state(erin) == "waiting");
    BOOST_TEST(h.overdue() == 1u, "erin may still not answer; of dave nothing more is to be told");
    BOOST_TEST(!h.is_repeat(dave), "told: the same message is a new one for him");
    BOOST_TEST(h.is_repeat(erin));
    h.tried_again();
    BOOST_TEST(h.owed().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_message_refused_as_a_whole_is_one_report)
{
    Handover h({dave, erin});
    SmtpServer::Script script;
    script.data = "552 5.3.4 too big";
    h.server.next(script);
    h.pass();
    BOOST_REQUIRE(h.owed().size() == 1u);
    BOOST_TEST(h.owed().front().recipients == (Recipients{dave, erin}));
    BOOST_TEST(h.overdue() == 0u);
    BOOST_TEST(h.entry(h.id)->state == "failed", "kept for the administrator");
}

BOOST_AUTO_TEST_CASE(who_was_put_off_is_tried_alone_and_has_an_end_of_his_own)
{
    Handover h({dave, erin});
    h.answers({{dave, "550 5.1.1 no"}, {erin, "451 4.3.0 later"}});
    h.pass();
    BOOST_TEST(h.entry(h.id)->state == "waiting");
    BOOST_TEST(h.entry(h.id)->recipients == Recipients{erin});
    BOOST_TEST(h.owed().size() == 1u);
    h.answers({{dave, "550 5.1.1 no"}, {erin, "550 5.1.1 no"}});
    h.tried_again();
    BOOST_REQUIRE(h.owed().size() == 2u);
    BOOST_TEST(h.owed().back().recipients == Recipients{erin});
    BOOST_TEST(h.settled(h.id).refused.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_plain_leg_is_told_of_too)
{
    Handover h({dave, erin}, "plain-leg");
    h.answers({{dave, "550 5.1.1 no"}});
    h.pass();
    BOOST_REQUIRE(h.owed().size() == 1u);
    BOOST_TEST(h.owed().front().recipients == Recipients{dave});
    BOOST_TEST(h.row(dave).leg == "untouched");
    BOOST_TEST(h.state(dave) == "failed");
    BOOST_TEST(h.row(dave).failure == "handover-refused");
    BOOST_TEST(h.state(erin) == "untouched");
}

BOOST_AUTO_TEST_CASE(without_a_row_of_the_watch_it_is_told_as_well)
{
    for (const std::string id : {"", "<2@direct.example.net>"}) {
        Handover h({dave});
        h.leg.original_message_id = id;
        BOOST_REQUIRE(h.store.write([&](WriteTxn& txn) { return keep_leg(txn, h.leg); }));
        h.answers({{dave, "550 5.1.1 no"}});
        h.pass();
        BOOST_TEST(h.owed().size() == 1u, id);
        BOOST_TEST(h.state(dave) == "waiting", "the row of another message");
    }
}

BOOST_AUTO_TEST_CASE(what_was_told_overdue_is_not_told_again)
{
    Handover h({dave});
    h.answers({{dave, "451 4.3.0 later"}});
    h.pass();
    h.later(std::chrono::hours(2));
    BOOST_REQUIRE(h.store.write([&](WriteTxn& txn) -> Status {
        CHECK(close_overdue(txn, h.store, h.row(dave), h.clock.now()));
        return Done{};
    }));
    BOOST_TEST(h.state(dave) == "overdue");
    h.answers({{dave, "550 5.1.1 no"}});
    h.tried_again();
    BOOST_TEST(h.owed().empty());
    BOOST_TEST(h.state(dave) == "overdue");
    BOOST_TEST(h.row(dave).failure == "handover-refused", "the help desk reads what came of it");
    BOOST_TEST(h.row(dave).failed_ms == h.now_ms());
}

// Sent again after the overdue report, under another envelope id: what comes of the first copy is no news about the second.
BOOST_AUTO_TEST_CASE(a_copy_that_was_sent_anew_is_not_failed_by_the_old_one)
{
    Handover h({dave});
    h.answers({{dave, "451 4.3.0 later"}});
    h.pass();
    h.later(std::chrono::hours(2));
    auto anew = h.row(dave);
    BOOST_REQUIRE(h.store.write([&](WriteTxn& txn) -> Status {
        CHECK(close_overdue(txn, h.store, anew, h.clock.now()));
        anew.envelope_id = std::string(2 * id_size, 'f');
        anew.sent_ms = h.now_ms();
        return begin_watch(txn, h.store, anew);
    }));
    h.answers({{dave, "550 5.1.1 no"}});
    h.tried_again();
    BOOST_TEST(h.owed().empty());
    BOOST_TEST(h.state(dave) == "waiting");
}

// Another message under the same Message-ID, while the first is waited for: its refusal would be told by nothing else.
BOOST_AUTO_TEST_CASE(a_second_message_of_the_same_message_id_is_told_of)
{
    Handover h({dave});
    h.leg.envelope_id = std::string(id_size, 'f');
    h.later(seconds(1));
    h.leg.created_ms = h.now_ms();
    BOOST_REQUIRE(h.store.write([&](WriteTxn& txn) -> Status {
        TRY(const auto before, get_outbox(txn, h.id));
        auto entry = *before;
        entry.envelope_id = hex(h.leg.envelope_id);
        CHECK(put_outbox(txn, *before, entry));
        return keep_leg(txn, h.leg);
    }));
    h.answers({{dave, "550 5.1.1 no"}});
    h.pass();
    BOOST_TEST(h.owed().size() == 1u);
    BOOST_TEST(h.state(dave) == "waiting", "the first one is on its way");
}

BOOST_AUTO_TEST_CASE(what_an_administrator_tries_again_is_waited_for_again)
{
    for (const std::string kind : {"sealed-leg", "plain-leg"}) {
        Handover h({dave}, kind);
        const std::string open = h.state(dave);
        const auto first = h.row(dave);
        h.answers({{dave, "550 5.1.1 no"}});
        h.pass();
        h.later(std::chrono::hours(3));
        BOOST_TEST(*retry_outbox(h.store, hex(h.id), h.clock.now()) == 1u);
        BOOST_TEST(h.state(dave) == open, kind);
        BOOST_TEST(h.row(dave).failed_ms == 0);
        BOOST_TEST(h.row(dave).failure == "");
        if (kind == "sealed-leg")
            BOOST_TEST(h.row(dave).processed_by_ms == first.processed_by_ms + 3 * 3'600'000);
        BOOST_TEST(h.is_repeat(dave), "on its way: the client's next one is a repeat");
        h.pass();
        BOOST_TEST(h.state(dave) == "failed");
        BOOST_TEST(h.owed().size() == 2u, "what came of this try");
        BOOST_TEST(*retry_outbox(h.store, hex(h.id), h.clock.now()) == 1u);
        h.answers({});
        h.pass();
        BOOST_TEST(h.state(dave) == open);
        BOOST_TEST(h.owed().size() == 2u);
        BOOST_TEST(!h.entry(h.id).has_value());
    }
}

BOOST_AUTO_TEST_CASE(what_was_given_up_is_told)
{
    Handover h({dave});
    h.settings->reinject_give_up = seconds(1);
    h.answers({{dave, "451 4.3.0 later"}});
    for (int i = 0; i < 20 && h.entry(h.id)->state == "waiting"; ++i) h.tried_again();
    BOOST_TEST(h.entry(h.id)->state == "failed");
    BOOST_TEST(h.owed().size() == 1u);
}

// The envelope id goes on with a sealed message: who reads it there must not make us say in the recipient's name that it arrived.
BOOST_AUTO_TEST_CASE(a_delivery_report_about_such_a_leg_is_not_believed)
{
    Handover h({dave});
    for (const char* action : {"delivered", "relayed", "failed"}) {
        DeliveryNotice report;
        report.recipients.push_back({*parse_address(dave), std::nullopt, action, ""});
        BOOST_REQUIRE(h.store.write([&](WriteTxn& txn) -> Status {
            TRY(const auto told, note_delivery(txn, h.store, hex(h.leg.envelope_id), report, h.clock.now()));
            BOOST_TEST(told.empty());
            return Done{};
        }));
    }
    h.pass();
    BOOST_TEST(h.owed().empty(), "nor is taking it over told: the recipient's side does that");
    BOOST_TEST(h.state(dave) == "waiting");
}
