// Several entries handed over at the same time: everything once, nothing twice, nothing forgotten.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>

#include "milter/notify/outbox.h"
#include "milter/store/lmdb_store.h"
#include "tests/support/scratch.h"
#include "tests/support/smtp_server.h"
#include "tests/unit/notify/post_office.h"

namespace {

using namespace direct;
using namespace direct::test;

// Several connections: everything once, nothing twice, also while more is owed and passes are made by others.
BOOST_AUTO_TEST_CASE(several_at_once_never_the_same)
{
    test::Scratch scratch;
    StoreOptions options;
    options.path = scratch / "store";
    options.size_max = 64 << 20;
    options.map_start = 16 << 20;
    auto store = open_lmdb_store(options, Secret(std::string(32, 'k')));
    BOOST_REQUIRE_MESSAGE(store, (store ? "" : store.error().why));
    PostOffice o(std::move(*store));
    constexpr std::size_t number = 60;
    OutboxSender sender(
        o.store, o.clock, [&] { return o.settings; }, 4);
    std::set<std::string> ids;
    for (std::size_t i = 0; i < number; ++i) {
        ids.insert(o.put({"u" + std::to_string(i) + "@direct.example.net"}));
        sender.wake();
        if (i % 20 == 19) BOOST_TEST(bool(sender.pass()));
    }
    for (int tries = 0; o.rows(Table::outbox) != 0 && tries < 3000; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    sender.stop();
    BOOST_TEST(o.rows(Table::outbox) == 0u);
    BOOST_TEST(o.rows(Table::settled) == number);
    std::set<std::string> to;
    for (const auto& mail : o.server.mails()) to.insert(mail.rcpt.at(0));
    BOOST_TEST(o.server.mails().size() == number);
    BOOST_TEST(to.size() == number);
}

// A look that ended after stop() had emptied the queue filled it again: the end waited its whole patience for entries
// that nobody took.
BOOST_AUTO_TEST_CASE(a_look_that_ends_late_does_not_hold_up_the_end)
{
    PostOffice o;
    OutboxSender sender(
        o.store, o.clock, [&] { return o.settings; }, 1);
    sender.stop(seconds(0));
    o.put({alice});
    const auto found = sender.pass();
    BOOST_REQUIRE(found);
    BOOST_TEST(*found == 0u);
    const seconds patience(20);
    const auto from = std::chrono::steady_clock::now();
    sender.stop(patience);
    BOOST_TEST((std::chrono::steady_clock::now() - from < patience));
    BOOST_TEST(o.server.mails().empty());
    BOOST_TEST(o.rows(Table::outbox) == 1u, "it is there for the next start");
}

// The end of the daemon waited ten minutes for the answer to a final dot, and was killed after 90 seconds.
BOOST_AUTO_TEST_CASE(a_listener_that_never_answers_does_not_hold_up_the_end)
{
    static_assert(stop_patience <= seconds(30), "systemd leaves 90 s, sessions in work may take 30 of them");
    PostOffice o;
    SmtpServer::Script script;
    script.silent = true;
    o.server.next(script);
    const auto id = o.put({alice, bob}), behind = o.put({bob});
    OutboxSender sender(
        o.store, o.clock, [&] { return o.settings; }, 1);
    sender.wake();
    for (int tries = 0; o.server.mails().empty() && tries < 3000; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_REQUIRE(o.server.mails().size() == 1u);
    const auto began = std::chrono::steady_clock::now();
    sender.stop(milliseconds(50));
    BOOST_TEST((std::chrono::steady_clock::now() - began < std::chrono::minutes(2)),
               "not the ten minutes of the dot");
    // Noted as it is: nothing lost, nothing taken for done, and the admin can read why it comes twice.
    std::size_t in_doubt = 0;
    for (const auto& one : {id, behind}) {
        BOOST_REQUIRE(o.entry(one));
        BOOST_TEST(o.entry(one)->state == "waiting");
        in_doubt += o.entry(one)->last_answer.find("may have been taken") != std::string::npos;
        BOOST_TEST(o.settled(one).taken.empty());
    }
    BOOST_TEST(in_doubt == 1u);
    o.server.next({});
    o.later(seconds(60));
    BOOST_TEST(o.pass() == 2u);
    BOOST_TEST(o.server.mails().size() == 3u);
    BOOST_TEST(o.rows(Table::outbox) == 0u);
}

struct UnreadableNow : MemoryStore {
    std::atomic<bool> unreadable{false};
    Status read(const std::function<Status(ReadTxn&)>& work) override
    {
        if (unreadable) return fail(temporary("not now"));
        return MemoryStore::read(work);
    }
};

// Looks fail while entries are in work, wait behind a big one, come back into the queue: none of it is left there.
BOOST_AUTO_TEST_CASE(a_store_that_does_not_read_now_and_then_leaves_nobody_waiting)
{
    PostOffice o(std::make_unique<UnreadableNow>());
    auto& unreadable = static_cast<UnreadableNow&>(o.store).unreadable;
    o.settings->reinject_retry_min = o.settings->reinject_retry_max = milliseconds(1);
    const std::string big = message + std::string(1 << 20, 'b') + "\r\n";
    constexpr std::size_t number = 24;
    for (std::size_t i = 0; i < number; ++i) o.put({alice}, i % 4 ? big : message);
    OutboxSender sender(
        o.store, o.clock, [&] { return o.settings; }, 4);
    sender.wake();
    for (int tries = 0; o.server.mails().size() < number && tries < 200; ++tries) {
        unreadable = tries % 2 == 0;
        sender.wake();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    unreadable = false;
    for (int tries = 0; o.rows(Table::outbox) != 0 && tries < 3000; ++tries) {
        o.later(milliseconds(10));
        sender.wake();
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    sender.stop();
    BOOST_TEST(o.rows(Table::outbox) == 0u);
    BOOST_TEST(o.server.mails().size() == number);
}

// What could not be taken is tried again by the threads when its pause has passed.
BOOST_AUTO_TEST_CASE(put_off_and_tried_again_by_the_threads)
{
    PostOffice o;
    o.settings->reinject_retry_min = milliseconds(20);
    SmtpServer::Script script;
    script.data = "451 4.3.0 later";
    o.server.next(script);
    SystemClock clock;
    OutboxSender sender(
        o.store, clock, [&] { return o.settings; }, 3);
    for (int i = 0; i < 6; ++i) o.put({alice});
    sender.wake();
    for (int tries = 0; o.server.connections() < 12 && tries < 3000; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST(o.rows(Table::outbox) == 6u);
    o.server.next({});
    for (int tries = 0; o.rows(Table::outbox) != 0 && tries < 3000; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    sender.stop();
    BOOST_TEST(o.rows(Table::outbox) == 0u);
    BOOST_TEST(o.rows(Table::settled) == 6u);
}

}  // namespace
