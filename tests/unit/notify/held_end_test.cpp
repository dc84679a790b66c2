// Held records that nobody has picked up: whoever sent them hears of it, once.
#include "milter/notify/held_end.h"

#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/notify/held_purge.h"
#include "milter/notify/leg.h"
#include "milter/notify/once.h"
#include "milter/notify/owed_notice.h"
#include "tests/support/memory_store.h"

namespace {

using namespace direct;

const Time start = *parse_iso8601("2026-11-22T03:10:00Z");

struct Shelf {
    test::MemoryStore memory;
    RecordStore& store = memory;

    HeldRecord put(char id, const std::string& state = "held", bool wants_notices = true,
                   seconds lives = seconds(60))
    {
        HeldRecord r;
        r.id = std::string(id_size, id);
        r.state = state;
        r.sender = "bob@direct.there.test";
        r.newuser_address = "newuser@direct.here.test";
        r.message_id = std::string("<") + id + "@there.test>";
        r.wants_notices = wants_notices;
        r.expires_ms = (start + lives).time_since_epoch().count();
        keep(r);
        return r;
    }
    void keep(const HeldRecord& r)
    {
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            CHECK(txn.put(Table::held, r.id, encode(r)));
            return txn.put(Table::held_by, held_due_key(r), "");
        }));
    }
    HeldRecord put_sealed(char id, const std::string& state = "held")
    {
        auto r = put(id, state);
        r.code = "BCDFGHJKLMNPQRSTVWXZ";
        r.contact = "jane@person.test";
        r.wrapped_key = r.wrap_salt = r.question = r.display_name = "SECRET";
        r.attachments.push_back({"ccd.xml", "text/xml", "ccda", "", 7});
        auto content = store.prepare("sealed", std::string(32, 'k'));
        BOOST_REQUIRE(content);
        r.content = (*content)->ref();
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            CHECK((*content)->attach(txn));
            return txn.put(Table::held_by, "c" + store.index_key("code", r.code), r.id);
        }));
        (*content)->keep();
        keep(r);
        return r;
    }
    HeldRecord record(const HeldRecord& r)
    {
        HeldRecord now;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto bytes, txn.get(Table::held, r.id));
            TRY(now, decode_held(*bytes));
            return Done{};
        }));
        return now;
    }
    bool has_content(const HeldRecord& r)
    {
        return store.content(r.content, std::string(32, 'k')).has_value();
    }
    bool purge(const HeldRecord& r, seconds after = seconds(1000))
    {
        bool purged = false;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(const auto now, purge_held(txn, store, r.id, start + after));
            purged = now.has_value();
            return Done{};
        }));
        return purged;
    }
    std::size_t to_purge(seconds after)
    {
        const auto found = held_to_purge(store, start + after, 100);
        BOOST_REQUIRE(found);
        return found->size();
    }
    bool end(const HeldRecord& r, const char* state)
    {
        bool ended = false;
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) -> Status {
            TRY(const auto now, end_held(txn, store, r.id, state, start));
            ended = now.has_value();
            return Done{};
        }));
        return ended;
    }
    std::string state_of(const HeldRecord& r)
    {
        std::string state;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            TRY(const auto bytes, txn.get(Table::held, r.id));
            state = bytes ? decode_held(*bytes)->state : "gone";
            return Done{};
        }));
        return state;
    }
    std::string owed()
    {
        std::string out;
        const auto all = owed_notices(store);
        BOOST_REQUIRE(all);
        for (const auto& n : *all)
            out += n.disposition + " " + n.failure + " " + n.original_message_id + " to " + n.sender + "; ";
        return out;
    }
    std::size_t overdue(seconds after)
    {
        const auto found = held_overdue(store, start + after, 100);
        BOOST_REQUIRE(found);
        return found->size();
    }
};

BOOST_AUTO_TEST_CASE(each_end_is_told_by_its_own_word)
{
    const std::pair<const char*, const char*> ends[] = {{"expired", "record-expired"},
                                                        {"locked", "record-locked"},
                                                        {"revoked", "record-revoked"},
                                                        {"notify-failed", "notice-undeliverable"}};
    for (const auto& [state, token] : ends)
        for (const char* before : {"held", "notified", "reminded"}) {
            Shelf s;
            const auto r = s.put('a', before);
            BOOST_TEST(s.end(r, state));
            BOOST_TEST(s.state_of(r) == state);
            BOOST_TEST(s.owed() ==
                       std::string("failed ") + token + " <a@there.test> to bob@direct.there.test; ");
            BOOST_TEST(!s.end(r, state), "once");
            BOOST_TEST(s.owed().size() < 90u);
        }
}

BOOST_AUTO_TEST_CASE(who_has_been_told_is_not_told_again)
{
    for (const char* first : {"locked", "notify-failed"})
        for (const char* then : {"expired", "revoked"}) {
            Shelf s;
            const auto r = s.put('a', first);
            BOOST_TEST(s.end(r, then));
            BOOST_TEST(s.state_of(r) == then);
            BOOST_TEST(s.owed() == "");
        }
}

// Two records were taken for one when their messages had no Message-ID, or the same.
BOOST_AUTO_TEST_CASE(every_record_is_told_of)
{
    Shelf s;
    auto a = s.put('a'), b = s.put('b');
    for (auto* r : {&a, &b}) {
        r->message_id = "";
        s.keep(*r);
        BOOST_TEST(s.end(*r, "expired"));
    }
    BOOST_TEST(s.owed() ==
               "failed record-expired  to bob@direct.there.test; "
               "failed record-expired  to bob@direct.there.test; ");
}

// Whoever heard that it failed and sent it again got a 250 and nothing else.
BOOST_AUTO_TEST_CASE(what_has_failed_may_be_sent_again)
{
    Shelf s;
    auto r = s.put('a');
    r.once_key = once_key(s.store, "held", r.message_id, r.sender, r.newuser_address, "digest");
    s.keep(r);
    const auto first = [&] {
        bool fresh = false;
        BOOST_REQUIRE(s.store.write([&](WriteTxn& txn) -> Status {
            TRY(fresh, first_time(txn, r.once_key, "held", start));
            return Done{};
        }));
        return fresh;
    };
    BOOST_TEST(first());
    BOOST_TEST(!first());
    BOOST_TEST(s.end(r, "revoked"));
    BOOST_TEST(first());
}

BOOST_AUTO_TEST_CASE(what_was_picked_up_or_has_ended_stays_as_it_is)
{
    for (const char* state : {"picked-up", "added", "declined", "revoked", "expired", "purged"})
        for (const char* end : {"expired", "locked", "revoked", "notify-failed"}) {
            Shelf s;
            const auto r = s.put('a', state);
            BOOST_TEST(!s.end(r, end));
            BOOST_TEST(s.state_of(r) == state);
            BOOST_TEST(s.owed() == "");
        }
    Shelf s;
    HeldRecord none;
    none.id = std::string(id_size, 'z');
    BOOST_TEST(!s.end(none, "expired"));
    BOOST_TEST(!s.end(s.put('a'), "picked-up"), "no end");
}

BOOST_AUTO_TEST_CASE(mail_nobody_may_answer_ends_in_silence)
{
    Shelf s;
    const auto r = s.put('a', "held", false);
    BOOST_TEST(s.end(r, "expired"));
    BOOST_TEST(s.state_of(r) == "expired");
    BOOST_TEST(s.owed() == "");
}

BOOST_AUTO_TEST_CASE(a_bounced_notice_ends_its_records_once)
{
    Shelf s;
    const auto a = s.put('a'), b = s.put('b', "held", false), c = s.put('c', "picked-up");
    LegRecord leg;
    leg.envelope_id = std::string(id_size, 'e');
    leg.waiting = {"jane@person.test"};
    leg.held = {a.id, b.id, c.id, std::string(id_size, 'z')};
    BOOST_REQUIRE(s.store.write([&](WriteTxn& txn) { return keep_leg(txn, leg); }));
    for (int i = 0; i < 2; ++i)
        BOOST_REQUIRE(s.store.write([&](WriteTxn& txn) {
            return note_handed_over(txn, s.store, hex(leg.envelope_id), {}, {"jane@person.test"}, start);
        }));
    BOOST_TEST(s.state_of(a) == "notify-failed");
    BOOST_TEST(s.state_of(b) == "notify-failed");
    BOOST_TEST(s.state_of(c) == "picked-up");
    BOOST_TEST(s.owed() == "failed notice-undeliverable <a@there.test> to bob@direct.there.test; ");
}

BOOST_AUTO_TEST_CASE(records_come_due_in_their_order)
{
    Shelf s;
    const auto next = [&] {
        const auto due = next_held_due(s.store);
        BOOST_REQUIRE(due);
        return *due;
    };
    BOOST_TEST(!next().has_value());
    const auto late = s.put('a', "held", true, seconds(90)), soon = s.put('b', "held", true, seconds(30));
    BOOST_TEST((next() == start + seconds(30)));
    BOOST_TEST(s.overdue(seconds(29)) == 0u);
    BOOST_TEST(s.overdue(seconds(30)) == 1u);
    BOOST_TEST(s.overdue(seconds(90)) == 2u);
    BOOST_TEST(s.end(soon, "expired"));
    BOOST_TEST((next() == start + seconds(90)));
    BOOST_TEST(s.end(late, "revoked"));
    BOOST_TEST(!next().has_value());
    BOOST_TEST(s.overdue(seconds(1000)) == 0u);
}

// The sealed content of ended records stayed for ever, and the right answer still opened it.
BOOST_AUTO_TEST_CASE(what_has_ended_is_purged)
{
    for (const char* end : {"expired", "revoked"}) {
        Shelf s;
        const auto r = s.put_sealed('a');
        BOOST_TEST(!s.purge(r), "it waits for the person");
        BOOST_TEST(s.to_purge(seconds(1000)) == 0u);
        BOOST_TEST(s.end(r, end));
        BOOST_TEST(s.has_content(r), "not at once");
        BOOST_TEST(s.to_purge(seconds(-1)) == 0u);
        BOOST_TEST(s.to_purge(seconds(0)) == 1u);
        BOOST_TEST(s.purge(r));
        BOOST_TEST(!s.has_content(r));
        const auto now = s.record(r);
        BOOST_TEST(now.state == "purged");
        for (const auto& gone : {now.wrapped_key, now.wrap_salt, now.code, now.question, now.display_name})
            BOOST_TEST(gone.empty());
        BOOST_TEST(now.attachments.empty());
        BOOST_TEST(!now.content);
        // Who, when and what became of it stays.
        BOOST_TEST(now.contact == r.contact);
        BOOST_TEST(now.message_id == r.message_id);
        BOOST_TEST(now.notices.back().what == end);
        BOOST_TEST(s.memory.data().tables[Table::held_by].count("c" + s.store.index_key("code", r.code)) ==
                   0u);
        BOOST_TEST(!s.purge(r), "once");
        BOOST_TEST(!s.end(r, "expired"));
    }
}

BOOST_AUTO_TEST_CASE(what_was_picked_up_is_purged_when_its_time_is_up)
{
    for (const char* state : {"picked-up", "added", "declined"}) {
        Shelf s;
        const auto r = s.put_sealed('a', state);
        BOOST_TEST(!s.end(r, "revoked"));
        BOOST_TEST(s.to_purge(seconds(1000)) == 0u);
        BOOST_TEST(s.overdue(seconds(60)) == 1u, "a revocation that was refused changes nothing");
        BOOST_TEST(!s.end(r, "expired"), "it was picked up, its sender hears nothing");
        BOOST_TEST(s.owed() == "");
        BOOST_TEST(s.state_of(r) == state);
        BOOST_TEST(s.overdue(seconds(1000)) == 0u);
        BOOST_TEST(s.to_purge(seconds(0)) == 1u);
        BOOST_TEST(s.purge(r));
        BOOST_TEST(!s.has_content(r));
    }
}

// The administrator's purge took from a person what he had picked up and could open again.
BOOST_AUTO_TEST_CASE(what_was_picked_up_is_not_purged_before_it_expires)
{
    for (const char* state : {"picked-up", "added", "declined"}) {
        Shelf s;
        const auto r = s.put_sealed('a', state);
        const seconds life = std::chrono::duration_cast<seconds>(
            milliseconds(r.expires_ms - start.time_since_epoch().count()));
        BOOST_TEST(!s.purge(r, life - seconds(1)), state);
        BOOST_TEST(s.has_content(r));
        BOOST_TEST(s.state_of(r) == state);
        BOOST_TEST(s.purge(r, life), state);
    }
}

BOOST_AUTO_TEST_CASE(an_administrator_may_purge_what_nobody_can_open)
{
    for (const char* state : {"locked", "notify-failed"}) {
        Shelf s;
        const auto r = s.put_sealed('a', state);
        BOOST_TEST(s.purge(r));
        BOOST_TEST(s.overdue(seconds(1000)) == 0u, "it does not expire any more");
    }
    for (const char* state : {"held", "notified", "reminded", "answered", "purged"}) {
        Shelf s;
        BOOST_TEST(!s.purge(s.put_sealed('a', state)), state);
    }
}

}  // namespace
