// world.h - a record service over a store in memory, and rows to ask it for.
#pragma once
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/records/service.h"
#include "milter/store/schema.h"
#include "tests/support/memory_store.h"

namespace direct::test {

using Json = nlohmann::json;

inline const Time now = *parse_iso8601("2026-11-22T03:10:00Z");

struct World {
    MemoryStore store;
    FixedClock clock{now};
    bool reloaded = false, woken = false;
    DaemonHooks hooks{[this]() -> Status {
                          reloaded = true;
                          return Done{};
                      },
                      [] { return std::string("direct_messages_total 7\n"); }, [this] { woken = true; }};
    RecordService service{store, clock, hooks};
    Caller admin{0, 0, "uid 0 (root)", true}, reader{1000, 1000, "uid 1000 (eve)", false};

    Json ask(const std::string& verb, const Json& parameters = Json::object(), int exit = 0)
    {
        return ask_as(admin, verb, parameters.dump(), exit);
    }
    Json ask_as(const Caller& caller, const std::string& verb, const std::string& parameters, int exit)
    {
        auto reply = service.handle(caller, verb, parameters);
        BOOST_TEST(reply.exit == exit, verb << ": " << reply.json);
        auto json = Json::parse(reply.json, nullptr, false);
        BOOST_TEST(json.is_object());
        BOOST_TEST((exit == 0 || exit == 1 || json.contains("error")));
        return json;
    }
    void put(Table table, const std::string& key, const std::string& value)
    {
        BOOST_REQUIRE(store.write([&](WriteTxn& txn) { return txn.put(table, key, value); }, 100));
    }
};

inline HeldRecord held(char id, std::int64_t received)
{
    HeldRecord r;
    r.id = std::string(16, id);
    r.code = "BCDFGHJKLMNPQRSTVWXZ";
    r.contact = "jane@example.org";
    r.sender = "doc@partner.example";
    r.message_id = "<m1@partner.example>";
    r.question = "Name of the cat";
    r.wrap_salt = "SALTSALT";
    r.wrapped_key = "WRAPPEDKEY";
    r.received_ms = received;
    r.expires_ms = received + 1000;
    r.attachments.push_back({"ccd.xml", "text/xml", "ccda", std::string(32, 'h'), 1234});
    r.notices.push_back({received, "queued"});
    return r;
}

inline MessageRecord message(char id, std::int64_t received, const std::string& message_id)
{
    MessageRecord r;
    r.id = std::string(16, id);
    r.message_id = message_id;
    r.sender = "doc@partner.example";
    r.recipients = {"alice@direct.example.org"};
    r.received_ms = received;
    r.kind = "mailbox";
    return r;
}

inline void put_held(World& w, const HeldRecord& r)
{
    w.put(Table::held, r.id, encode(r));
    w.put(Table::held_by, "m" + w.store.index_key("message-id", r.message_id) + r.id, "");
}

inline void put_message(World& w, const MessageRecord& r)
{
    w.put(Table::message, r.id, encode(r));
    w.put(Table::message_by, "m" + w.store.index_key("message-id", r.message_id) + r.id, "");
}

inline void put_document(World& w, char id, std::uint32_t part, std::uint32_t items)
{
    DocumentRecord d;
    d.message_id = std::string(16, id);
    d.part = part;
    d.filename = "ccd.xml";
    d.state = "parsed";
    d.plugin = "ccda 1.0";
    d.items = items;
    d.summary = R"({"kind":"ccd","title":"T"})";
    w.put(Table::document, part_key(d.message_id, part), encode(d));
    for (std::uint32_t i = 1; i <= items; ++i)
        w.put(Table::item, item_key(d.message_id, part, i),
              R"({"section":"allergies","n":)" + std::to_string(i) + "}");
}

}  // namespace direct::test
