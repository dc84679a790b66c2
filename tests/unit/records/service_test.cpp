// Verbs: what they answer, what they never answer, who may use them.
#include "milter/audit/audit.h"
#include "milter/notify/outbox.h"
#include "milter/notify/owed_notice.h"
#include "milter/records/protocol.h"
#include "tests/unit/records/world.h"

using namespace direct;
using namespace direct::test;

BOOST_AUTO_TEST_CASE(every_verb_is_listed_and_an_unknown_one_is_an_input_fault)
{
    World w;
    auto verbs = RecordService::verbs();
    for (const char* v :
         {"held.list", "held.show", "record.list", "record.show", "audit.read", "audit.verify", "outbox.list",
          "outbox.retry", "store.stat", "metrics", "bundle.list", "bundle.refresh", "reload", "note"})
        BOOST_TEST((std::find(verbs.begin(), verbs.end(), v) != verbs.end()), v);
    w.ask("held.melt", Json::object(), 2);
    w.ask_as(w.admin, "held.list", "[]", 2);
    w.ask_as(w.admin, "held.list", "{", 2);
    w.ask_as(w.admin, "held.list", std::string(100000, ' ') + "{}", 2);
}

BOOST_AUTO_TEST_CASE(parameters_of_another_type_or_name_are_refused)
{
    World w;
    w.ask("held.list", {{"limit", "5"}}, 2);
    w.ask("held.list", {{"limit", 0}}, 2);
    w.ask("held.list", {{"limit", 1e30}}, 2);
    w.ask("held.list", {{"limit", 18446744073709551615u}}, 2);
    w.ask("held.list", {{"cursor", "zz"}}, 2);
    w.ask("held.list", {{"lmit", 5}}, 2);
    w.ask("audit.read", {{"since", "yesterday"}}, 2);
    w.ask("note", {{"event", "explain"}, {"certificates", Json::array({1})}}, 2);
}

BOOST_AUTO_TEST_CASE(readers_read_and_change_nothing)
{
    World w;
    put_held(w, held('a', 1000));
    for (const char* verb : {"outbox.retry", "bundle.refresh", "reload", "note"}) {
        auto json = w.ask_as(w.reader, verb, "{}", 1);
        BOOST_TEST(json["error"] == "not-permitted");
    }
    BOOST_TEST(!w.reloaded);
    BOOST_TEST(w.store.rows(Table::audit) == 0u);
    w.ask_as(w.reader, "held.list", "{}", 0);
    w.ask_as(w.reader, "store.stat", "{}", 0);
}

BOOST_AUTO_TEST_CASE(held_records_never_tell_code_or_key)
{
    World w;
    put_held(w, held('a', now.time_since_epoch().count()));
    for (const auto& caller : {w.admin, w.reader})
        for (const auto& [verb, parameters] :
             {std::pair{"held.list", std::string("{}")},
              std::pair{"held.show", Json{{"id", hex(std::string(16, 'a'))}}.dump()}}) {
            auto text = w.service.handle(caller, verb, parameters).json;
            for (const char* secret : {"BCDFGHJ", "SALT", "WRAPPED", "wrap", "answer\"", "code\""})
                BOOST_TEST(text.find(secret) == std::string::npos, verb << " tells " << secret);
        }
    auto shown = w.ask("held.show", {{"id", "m1@partner.example"}})["held"];
    BOOST_TEST(shown["question"] == "Name of the cat");
    BOOST_TEST(shown["contact"] == "jane@example.org");
    BOOST_TEST(shown["received"] == "2026-11-22T03:10:00.000Z");
    BOOST_TEST(shown["attachments"][0]["filename"] == "ccd.xml");
    auto for_reader = w.ask_as(w.reader, "held.show", R"({"id":"<m1@partner.example>"})", 0)["held"];
    BOOST_TEST(!for_reader.contains("question"));
    BOOST_TEST(for_reader["has_question"] == true);
    BOOST_TEST(w.ask("held.show", {{"id", "nobody@x"}}, 1)["error"] == "not-found");
}

BOOST_AUTO_TEST_CASE(a_held_record_is_revoked_once_and_its_sender_owed_the_news)
{
    World w;
    put_held(w, held('a', 1));
    auto other = held('b', 2);
    put_held(w, other);
    other.id = std::string(16, 'c');
    other.state = "picked-up";
    other.message_id = "<m2@partner.example>";
    put_held(w, other);
    w.ask("held.revoke", {{"id", "m1@partner.example"}}, 1);  // two carry it
    w.ask("held.revoke", {{"id", "m2@partner.example"}}, 1);  // it waits no more
    w.ask("held.revoke", {{"id", hex(std::string(16, 'z'))}}, 1);
    BOOST_TEST(!w.woken);
    const auto id = hex(std::string(16, 'a'));
    w.ask_as(w.reader, "held.revoke", Json({{"id", id}}).dump(), 1);
    BOOST_TEST(w.ask("held.show", {{"id", id}})["held"]["state"] == "held");
    BOOST_TEST(w.ask("held.revoke", {{"id", id}})["revoked"] == id);
    BOOST_TEST(w.woken);
    BOOST_TEST(w.ask("held.show", {{"id", id}})["held"]["state"] == "revoked");
    w.ask("held.revoke", {{"id", id}}, 1);
    const auto owed = owed_notices(w.store);
    BOOST_REQUIRE(owed);
    BOOST_REQUIRE(owed->size() == 1u);
    BOOST_TEST(owed->front().failure == "record-revoked");
    BOOST_TEST(owed->front().sender == "doc@partner.example");
    std::size_t told = 0;
    const auto audit = w.ask("audit.read");
    for (const auto& e : audit["entries"])
        told += e["event"] == "held-end" && e["token"] == "record-revoked" && e["who"] == "uid 0 (root)";
    BOOST_TEST(told == 1u);
}

BOOST_AUTO_TEST_CASE(what_has_ended_is_purged_on_demand)
{
    World w;
    for (char id : {'a', 'b', 'c'}) put_held(w, held(id, 1000));
    const auto id = [](char c) { return hex(std::string(16, c)); };
    w.ask("held.purge", Json::object(), 2);
    w.ask("held.purge", {{"id", id('a')}, {"ended", 1}}, 2);
    w.ask_as(w.reader, "held.purge", R"({"ended":1})", 1);
    const auto refused = w.ask("held.purge", {{"id", id('a')}}, 1);
    BOOST_TEST(refused["detail"] == "it waits for the person, its state is held: revoke it first");
    auto opened = held('d', now.time_since_epoch().count());
    opened.state = "picked-up";
    put_held(w, opened);
    BOOST_TEST(w.ask("held.purge", {{"id", id('d')}}, 1)["detail"].dump().find("may open it until 2") < 60u);
    for (char c : {'a', 'b'}) w.ask("held.revoke", {{"id", id(c)}});
    BOOST_TEST(w.ask("held.purge", {{"id", id('a')}})["purged"] == Json::array({id('a')}));
    BOOST_TEST(w.ask("held.show", {{"id", id('a')}})["held"]["state"] == "purged");
    w.ask("held.purge", {{"id", id('a')}}, 1);
    BOOST_TEST(w.ask("held.purge", {{"ended", 1}})["purged"] == Json::array({id('b')}),
               "not those that wait");
    BOOST_TEST(w.ask("held.purge", {{"ended", 1}})["purged"] == Json::array());
    BOOST_TEST(w.ask("held.show", {{"id", id('c')}})["held"]["state"] == "held");
    std::size_t told = 0;
    const auto audit = w.ask("audit.read");
    for (const auto& e : audit["entries"])
        told += e["event"] == "held-end" && e["token"] == "record-purged" && e["who"] == "uid 0 (root)";
    BOOST_TEST(told == 2u);
}

BOOST_AUTO_TEST_CASE(lists_come_in_pages_and_a_damaged_row_hides_no_other)
{
    World w;
    for (char id = 'a'; id < 'a' + 7; ++id) put_held(w, held(id, 1000 + id));
    w.put(Table::held, std::string(16, 'c'), "not a record");
    std::vector<std::string> seen;
    Json parameters = {{"limit", 3}};
    int pages = 0;
    for (;; ++pages) {
        auto page = w.ask("held.list", parameters);
        for (const auto& row : page["held"])
            seen.push_back(row["id"].get<std::string>() + row["state"].get<std::string>());
        if (!page.contains("next")) break;
        parameters["cursor"] = page["next"];
    }
    BOOST_TEST(pages == 2);
    BOOST_REQUIRE(seen.size() == 7u);
    BOOST_TEST(seen[2] == hex(std::string(16, 'c')) + "damaged");
    BOOST_TEST(seen[6] == hex(std::string(16, 'g')) + "held");
}

// A value that does not open any more ended the whole list.
BOOST_AUTO_TEST_CASE(a_value_that_does_not_open_hides_no_other)
{
    World w;
    for (char id = 'a'; id < 'a' + 3; ++id) put_held(w, held(id, 1000 + id));
    w.store.damage_first(Table::held);
    const auto list = w.ask("held.list")["held"];
    BOOST_REQUIRE(list.size() == 3u);
    BOOST_TEST(list[0]["state"] == "damaged");
    BOOST_TEST(list[1]["state"] == "held");
    OutboxEntry entry;
    for (char id = 'a'; id < 'a' + 2; ++id) {
        entry.id = std::string(16, id);
        entry.state = "waiting";
        w.put(Table::outbox, entry.id, encode(entry));
    }
    w.store.damage_first(Table::outbox);
    const auto outbox = w.ask("outbox.list")["outbox"];
    BOOST_REQUIRE(outbox.size() == 2u);
    BOOST_TEST(outbox[0]["state"] == "damaged");
    BOOST_TEST(outbox[0]["id"] == hex(std::string(16, 'a')));
    BOOST_TEST(outbox[1]["state"] == "waiting");
}

BOOST_AUTO_TEST_CASE(a_message_is_shown_with_documents_and_items_page_by_page)
{
    World w;
    put_message(w, message('m', 2000, "<x@y.example>"));
    put_message(w, message('n', 3000, "<x@y.example>"));
    put_message(w, message('o', 4000, "<other@y.example>"));
    put_document(w, 'n', 1, 5);
    put_document(w, 'n', 2, 4);
    put_document(w, 'm', 1, 3);
    auto whole = w.ask("record.show", {{"id", "<x@y.example>"}});
    BOOST_TEST(whole["record"]["id"] == hex(std::string(16, 'n')));  // the newest of two
    BOOST_TEST(whole["also"][0] == hex(std::string(16, 'm')));
    BOOST_TEST(whole["documents"].size() == 2u);
    BOOST_TEST(whole["documents"][0]["document"]["kind"] == "ccd");
    BOOST_TEST(!whole.contains("items"));
    auto items = w.ask("record.items", {{"id", "<x@y.example>"}})["items"];
    BOOST_TEST(items.size() == 9u);
    BOOST_TEST(items[8]["part"] == 2);
    BOOST_TEST(items[8]["number"] == 4);
    BOOST_TEST(items[8]["item"]["n"] == 4);

    for (const auto& [verb, name, count] :
         {std::tuple{"record.show", "documents", 2u}, {"record.items", "items", 9u}}) {
        std::size_t rows = 0, pages = 0;
        Json parameters = {{"id", hex(std::string(16, 'n'))}, {"limit", 1}};
        for (bool more = true; more; ++pages) {
            auto page = w.ask(verb, parameters);
            rows += page[name].size();
            more = page.contains("next");
            if (more) parameters["cursor"] = page["next"];
        }
        BOOST_TEST(rows == count);
        BOOST_TEST(pages == count);
    }
    BOOST_TEST(w.ask("record.list")["records"].size() == 3u);
    BOOST_TEST(w.ask("record.list", {{"since", "1970-01-01T00:00:03Z"}})["records"].size() == 2u);
    w.ask("record.show", {{"id", hex(std::string(16, 'z'))}}, 1);
}

BOOST_AUTO_TEST_CASE(a_hostile_item_stays_text_and_a_long_list_stays_under_a_frame)
{
    World w;
    put_message(w, message('m', 2000, "<x@y.example>"));
    put_document(w, 'm', 1, 40);
    auto id = std::string(16, 'm');
    w.put(Table::item, item_key(id, 1, 1), std::string(5000, '[') + std::string(5000, ']'));
    w.put(Table::item, item_key(id, 1, 2), "{broken");
    for (std::uint32_t i = 3; i < 40; ++i)
        w.put(Table::item, item_key(id, 1, i), "{\"text\":\"" + std::string(400'000, 'x') + "\"}");
    auto reply = w.service.handle(w.admin, "record.items", Json{{"id", hex(id)}}.dump());
    BOOST_TEST(reply.exit == 0);
    BOOST_TEST(encode_reply(reply).size() < reply_frame_max);
    auto json = Json::parse(reply.json, nullptr, false);
    BOOST_TEST(json["items"][0]["item"].is_string());
    BOOST_TEST(json["items"][1]["item"] == "{broken");
    BOOST_TEST(json.contains("next"));
    BOOST_TEST(decode_reply(encode_reply(reply)).has_value());
}

BOOST_AUTO_TEST_CASE(notes_name_the_caller_and_only_listed_events)
{
    World w;
    w.ask("note", {{"event", "explain"}, {"recipient", "a@direct.example.org"}, {"token", "ok"}});
    w.ask("note", {{"event", "message-in"}}, 2);
    w.ask("note", Json::object(), 2);
    auto entries = w.ask("audit.read")["entries"];
    BOOST_REQUIRE(entries.size() == 1u);
    BOOST_TEST(entries[0]["who"] == "uid 0 (root)");
    BOOST_TEST(entries[0]["event"] == "explain");
    BOOST_TEST(entries[0]["at"] == "2026-11-22T03:10:00.000Z");
    BOOST_TEST(w.ask("audit.verify")["intact"] == true);
}

BOOST_AUTO_TEST_CASE(audit_comes_in_pages_and_a_break_is_told)
{
    World w;
    for (int i = 0; i < 10; ++i) w.ask("note", {{"event", "explain"}, {"detail", std::to_string(i)}});
    std::vector<std::string> seen;
    Json parameters = {{"limit", 4}};
    for (;;) {
        auto page = w.ask("audit.read", parameters);
        for (const auto& e : page["entries"]) seen.push_back(e["detail"]);
        if (!page.contains("after")) break;
        parameters["after"] = page["after"];
    }
    BOOST_TEST(join(seen, "") == "0123456789");
    BOOST_REQUIRE(w.store.write(
        [&](WriteTxn& txn) -> Status {
            CHECK(txn.erase(Table::audit, be64(5)));
            return Done{};
        },
        100));
    auto verdict = w.ask("audit.verify", Json::object(), 1);
    BOOST_TEST(verdict["intact"] == false);
    BOOST_TEST(verdict.contains("first_bad"));
}

BOOST_AUTO_TEST_CASE(the_outbox_is_listed_retried_and_audited)
{
    World w;
    OutboxEntry e;
    e.id = std::string(16, 'q');
    e.kind = "clear-leg";
    e.recipients = {"alice@direct.example.org"};
    e.created_ms = 1000;
    e.due_ms = now.time_since_epoch().count() + 3'600'000;
    e.state = "failed";
    BOOST_REQUIRE(w.store.write([&](WriteTxn& txn) { return owe(txn, e); }, 100));
    auto list = w.ask("outbox.list")["outbox"];
    BOOST_REQUIRE(list.size() == 1u);
    BOOST_TEST(list[0]["state"] == "failed");
    BOOST_TEST(list[0]["recipients"][0] == "alice@direct.example.org");
    BOOST_TEST(w.ask("outbox.retry")["entries"] == 1);
    BOOST_TEST(w.woken);
    BOOST_TEST(w.ask("outbox.list")["outbox"][0]["state"] == "waiting");
    BOOST_TEST(w.ask("audit.read")["entries"][0]["event"] == "outbox-retry");
}

BOOST_AUTO_TEST_CASE(what_needs_the_daemon_says_so_without_it)
{
    World w;
    RecordService alone(w.store, w.clock, {});
    for (const char* verb : {"reload", "metrics"}) {
        auto reply = alone.handle(w.admin, verb, "{}");
        BOOST_TEST(reply.exit == 75);
        BOOST_TEST(reply.json.find("not running") != std::string::npos);
    }
    w.ask("reload");
    BOOST_TEST(w.reloaded);
    BOOST_TEST(w.ask("metrics")["text"] == "direct_messages_total 7\n");
    w.hooks.reload = {};
}

BOOST_AUTO_TEST_CASE(a_store_in_trouble_is_temporary)
{
    World w;
    w.store.fail_writes(1);
    w.ask("note", {{"event", "explain"}}, 75);
    BOOST_TEST(w.store.rows(Table::audit) == 0u);
}
