// Entries that failed, whose senders were told, and who sent the same message again.
#include <boost/test/unit_test.hpp>

#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/once.h"
#include "milter/notify/outbox.h"
#include "milter/notify/outbox_rows.h"
#include "tests/support/smtp_server.h"
#include "tests/unit/notify/post_office.h"

using namespace direct;
using namespace direct::test;

namespace {

/// The leg of an entry put by PostOffice, and whether its sender's next message for that mailbox would be a new one.
LegRecord followed(PostOffice& o, const std::string& id, std::vector<std::string> to)
{
    LegRecord leg;
    leg.envelope_id = std::string(id_size, 'e');
    leg.original_message_id = leg.once_id = "<m1@direct.partner.example>";
    leg.sender = "ames@direct.partner.example";
    leg.digest = "digest";
    leg.waiting = std::move(to);
    BOOST_REQUIRE(o.store.write([&](WriteTxn& txn) -> Status {
        TRY(const auto before, get_outbox(txn, id));
        auto entry = *before;
        entry.envelope_id = hex(leg.envelope_id);
        CHECK(put_outbox(txn, *before, entry));
        for (const auto& r : leg.waiting) {
            TRY(const bool first,
                first_time(txn, once_key(o.store, "leg", leg.once_id, leg.sender, r, leg.digest), "leg",
                           o.clock.now()));
            BOOST_TEST(first);
        }
        return keep_leg(txn, leg);
    }));
    return leg;
}
bool sent_again(PostOffice& o, const LegRecord& leg, const std::string& to)
{
    bool fresh = false;
    BOOST_REQUIRE(o.store.write([&](WriteTxn& txn) -> Status {
        TRY(fresh, first_time(txn, once_key(o.store, "leg", leg.once_id, leg.sender, to, leg.digest), "leg",
                              o.clock.now()));
        return Done{};
    }));
    return fresh;
}

}  // namespace

// A mailbox refused beside one that was put off was tried again with it, after its sender had been told and had sent anew.
BOOST_AUTO_TEST_CASE(whose_sender_was_told_is_not_tried_along)
{
    PostOffice o;
    SmtpServer::Script script;
    script.rcpt = {{alice, "550 5.1.1 no such user"}, {bob, "451 4.3.0 later"}};
    o.server.next(script);
    const auto id = o.put({alice, bob});
    const auto leg = followed(o, id, {alice, bob});
    BOOST_TEST(o.pass() == 0u);
    BOOST_TEST(o.entry(id)->state == "waiting");
    BOOST_TEST(o.entry(id)->recipients == std::vector<std::string>{bob});
    BOOST_TEST(sent_again(o, leg, alice), "told: the next one is new");
    BOOST_TEST(!sent_again(o, leg, bob), "still on its way: the next one is a repeat");
}

// "outbox retry" delivered what its sender had sent again meanwhile, so that it lay there twice.
BOOST_AUTO_TEST_CASE(what_was_sent_again_is_not_taken_up_by_hand)
{
    PostOffice o;
    SmtpServer::Script script;
    script.rcpt = {{alice, "550 5.1.1 no"}, {bob, "550 5.1.1 no"}};
    o.server.next(script);
    const auto id = o.put({alice, bob});
    const auto leg = followed(o, id, {alice, bob});
    o.pass();
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(sent_again(o, leg, alice));
    BOOST_TEST(*retry_outbox(o.store, hex(id), o.clock.now()) == 1u);
    BOOST_TEST(o.entry(id)->recipients == std::vector<std::string>{bob});
    BOOST_TEST(!sent_again(o, leg, bob), "it is tried once more: the next one is a repeat");
    // All of it sent again: nothing is left to try.
    o.server.next(script);
    o.later(seconds(1));
    o.pass();
    BOOST_TEST(o.entry(id)->state == "failed");
    BOOST_TEST(sent_again(o, leg, bob));
    BOOST_TEST(*retry_outbox(o.store, hex(id), o.clock.now()) == 0u);
    BOOST_TEST(!o.entry(id).has_value());
}
