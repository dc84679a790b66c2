// One entry that brings trouble of its own stops no other.
#include <boost/test/unit_test.hpp>
#include <functional>
#include <stdexcept>
#include <thread>

#include "milter/base/text.h"
#include "tests/unit/notify/post_office.h"

namespace {

using namespace direct;
using namespace direct::test;

const std::string alice = "alice@direct.example.net";

struct Aside : PostOffice {
    MemoryStore& memory() { return static_cast<MemoryStore&>(store); }
    bool log_says(std::string_view words)
    {
        std::lock_guard hold(log_lock);
        return std::any_of(log.begin(), log.end(),
                           [&](const std::string& line) { return line.find(words) != std::string::npos; });
    }
};

// The oldest due was read again each time and never left; nobody behind it was served any more.
BOOST_AUTO_TEST_CASE(a_damaged_entry_is_put_off_and_told)
{
    Aside o;
    for (int i = 0; i < 5; ++i) o.put({alice});
    const auto damaged = o.memory().damage_first(Table::outbox);
    BOOST_TEST(o.pass() == 4u);
    BOOST_TEST(o.server.mails().size() == 4u);
    BOOST_TEST(o.log_says(hex(damaged)));
    BOOST_TEST(o.rows(Table::outbox) == 1u);      // kept: another store.key may open it
    BOOST_TEST(o.rows(Table::outbox_due) == 1u);  // and looked at again
    o.put({alice});
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST(list_outbox(o.store)->empty());
}

// Moved by its due row alone, and readable again: that row was left behind, due for ever, and the sender never slept.
BOOST_AUTO_TEST_CASE(an_entry_that_can_be_read_again_leaves_no_due_row)
{
    Aside o;
    const auto id = o.put({alice});
    const auto value = o.memory().data().tables.at(Table::outbox).at(id);
    o.memory().damage(Table::outbox, id);
    BOOST_TEST(o.pass() == 0u);
    BOOST_REQUIRE(o.store.write([&](WriteTxn& txn) { return txn.put(Table::outbox, id, value); }, 100));
    o.later(o.settings->reinject_retry_max);
    BOOST_TEST(o.pass() == 0u);  // its rows are put right
    BOOST_TEST(o.rows(Table::outbox_due) == 1u);
    BOOST_TEST(o.pass() == 1u);
    BOOST_TEST(o.rows(Table::outbox_due) == 0u);
    BOOST_TEST(o.server.mails().size() == 1u);
    // A due row without an entry.
    BOOST_REQUIRE(o.store.write(
        [&](WriteTxn& txn) { return txn.put(Table::outbox_due, std::string(24, '\0'), ""); }, 100));
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.rows(Table::outbox_due) == 0u);
}

BOOST_AUTO_TEST_CASE(a_damaged_entry_keeps_no_other_from_being_tried_again)
{
    Aside o;
    o.put({alice});
    o.put({alice});
    const auto damaged = o.memory().damage_first(Table::outbox);
    BOOST_TEST(retry_outbox(o.store, "", o.clock.now()).value() == 1u);
    BOOST_TEST(!retry_outbox(o.store, hex(damaged), o.clock.now()));
}

// The MTA took it; its end meets a damaged row, so it cannot be noted. It is not sent again, and the others are served.
BOOST_AUTO_TEST_CASE(an_end_that_cannot_be_noted_stays_with_us)
{
    Aside o;
    const auto first = o.put({alice});
    const auto sender = o.sender();
    o.memory().fail_writes(1);  // the end alone: the store takes the next write
    BOOST_TEST(bool(sender->pass()));
    BOOST_TEST(o.entry(first).has_value());
    BOOST_TEST(o.server.mails().size() == 1u);
    const auto second = o.put({alice});
    BOOST_TEST(bool(sender->pass()));  // writes what was left first
    BOOST_TEST(!o.entry(first));
    BOOST_TEST(!o.entry(second));
    BOOST_TEST(o.server.mails().size() == 2u);
}

// Each of them would be sent twice by a kill: no more than reinject.connections, then the rest waits.
BOOST_AUTO_TEST_CASE(ends_that_cannot_be_noted_are_few)
{
    Aside o;
    const auto unnotable = [&] {
        const auto id = o.put({alice});
        BOOST_REQUIRE(o.store.write([&](WriteTxn& txn) { return txn.put(Table::settled, id, "x"); }, 100));
        o.memory().damage(Table::settled, id);
        return id;
    };
    const auto first = unnotable();
    const auto sender = o.sender();  // one connection
    BOOST_TEST(bool(sender->pass()));
    o.put({alice});
    BOOST_TEST(sender->pass().value() == 1u);  // the first is in nobody's way
    BOOST_TEST(o.server.mails().size() == 2u);
    const auto second = unnotable();
    BOOST_TEST(!sender->pass());
    o.put({alice});
    BOOST_TEST(!sender->pass());
    BOOST_TEST(o.server.mails().size() == 3u);
    // Mended, all of it is written, and nothing was sent twice.
    for (const auto& id : {first, second})
        BOOST_REQUIRE(o.store.write(
            [&](WriteTxn& txn) -> Status {
                CHECK(txn.erase(Table::settled, id));
                return Done{};
            },
            100));
    BOOST_TEST(sender->pass().value() == 1u);
    BOOST_TEST(o.server.mails().size() == 4u);
    BOOST_TEST(o.rows(Table::outbox) == 0u);
}

// An exception of one entry ended the pass, each time at the same place.
BOOST_AUTO_TEST_CASE(an_exception_puts_off_its_entry_only)
{
    Aside o;
    o.put({alice});
    o.put({alice});
    const auto sender = o.sender();
    int calls = 0;
    sender->after_hand_over([&] {
        if (++calls == 1) throw std::runtime_error("of a test");
    });
    BOOST_TEST(bool(sender->pass()));
    BOOST_TEST(o.server.mails().size() == 2u);
    BOOST_TEST(o.rows(Table::outbox) == 0u);
    BOOST_TEST(o.log_says("unexpected"));
    BOOST_TEST(!o.log_says("of a test"));
}

// Four big ones held every connection, three of them waiting for the one in work.
BOOST_AUTO_TEST_CASE(big_entries_leave_connections_to_the_small_ones)
{
    Aside o;
    SmtpServer::Script slow;
    slow.silent = true;  // the first big one is taken whole and not answered
    o.server.next(slow);
    const std::string big = message + std::string((1u << 20) + 1, 'a') + "\r\n";
    for (int i = 0; i < 4; ++i) o.put({"big@direct.example.net"}, big);
    SmtpServer quick;  // a server serves one connection at a time
    std::mutex lock;
    auto settings = o.settings;
    OutboxSender sender(
        o.store, o.clock,
        [&] {
            std::lock_guard hold(lock);
            return settings;
        },
        2);
    const auto wait_for = [](const std::function<bool()>& that) {
        for (int tries = 0; !that() && tries < 3000; ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        BOOST_TEST(that());
    };
    sender.wake();
    wait_for([&] { return o.server.connections() == 1; });
    {
        auto other = std::make_shared<Settings>(*o.settings);
        other->reinject_smtp = quick.address();
        std::lock_guard hold(lock);
        settings = other;
    }
    const auto small = o.put({alice});
    sender.wake();
    wait_for([&] { return !o.entry(small); });
    BOOST_TEST(!o.entry(small));
    BOOST_TEST(o.rows(Table::outbox) == 4u);  // the first is in work still, the others wait for it
    sender.stop(seconds(0));
    BOOST_TEST(o.rows(Table::outbox) == 4u);
}

}  // namespace
