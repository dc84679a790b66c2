// What documents say, and their bytes: to whom, in which pieces, and that every reading is in the audit.
#include "milter/audit/audit.h"
#include "milter/records/protocol.h"
#include "milter/records/service.h"
#include "tests/unit/items/chart.h"

using namespace direct;
using direct::test::allergy;
using direct::test::ccd;
using direct::test::Json;
using direct::test::said;

namespace {

struct Desk : test::Chart {
    FixedClock time{*parse_iso8601("2026-11-22T03:10:00Z")};
    RecordService service{store, time, DaemonHooks{}};
    Caller admin{0, 0, "uid 0 (root)", true}, reader{1000, 1000, "uid 1000 (eve)", false};

    Json ask(const std::string& verb, const Json& parameters, int exit = 0)
    {
        return ask_as(admin, verb, parameters, exit);
    }
    Json ask_as(const Caller& caller, const std::string& verb, const Json& parameters, int exit)
    {
        auto reply = service.handle(caller, verb, parameters.dump());
        BOOST_TEST(reply.exit == exit, verb << ": " << reply.json);
        return Json::parse(reply.json);
    }
    std::string codes(const Json& reply)
    {
        std::string out;
        for (const auto& row : reply["items"])
            out += (out.empty() ? "" : " ") + row["item"]["code"]["code"].get<std::string>();
        return out;
    }
    std::vector<AuditEntry> audit()
    {
        std::vector<AuditEntry> out;
        BOOST_REQUIRE(read_audit(store, {}, [&](const AuditEntry& e) {
            out.push_back(e);
            return true;
        }));
        return out;
    }
};

Json version(const char* number, const std::vector<Json>& items)
{
    return said(
        ccd(std::string("d") + number, {{"title", "Care"}, {"setId", "set"}, {"versionNumber", number}}),
        items);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mailbox_shows_its_items_newest_first_with_their_source)
{
    Desk d;
    const auto one = d.settled(version("1", {allergy("a", "2024"), allergy("b", "2025")}));
    const auto two = d.settled(said(ccd("other"), {allergy("c", "2026"), allergy("d")}), "lab@lab.example");
    // A mailbox is found by the rows the inbound path writes.
    for (const auto& id : {one, two})
        BOOST_REQUIRE(d.store.write(
            [&](WriteTxn& txn) {
                return txn.put(Table::message_by,
                               "r" + d.store.index_key("recipient", "ann@here.example") + be64(1) + id, "");
            },
            100));
    const std::string box = "Ann@HERE.example";
    const auto found = d.ask("record.items", {{"id", box}});
    BOOST_TEST(d.codes(found) == "c b a d");
    BOOST_TEST(found["items"][0]["source"]["sender"] == "lab@lab.example");
    BOOST_TEST(found["items"][1]["source"]["id"] == "d1");
    BOOST_TEST(found["items"][1]["source"]["title"] == "Care");
    BOOST_TEST(found["items"][1]["source"]["message"] == hex(one));
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", box}, {"code", "a"}, {"system", "2.16.6"}})) == "a");
    BOOST_TEST(d.codes(d.ask("record.items",
                             {{"id", box}, {"section", "allergies"}, {"until", "2025-06-01"}})) == "b a");
    d.settled(version("2", {allergy("e", "2023")}));
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", box}})) == "c e d");
    const auto all = d.ask("record.items", {{"id", box}, {"all", 1}});
    BOOST_TEST(d.codes(all) == "c b a e d");
    BOOST_TEST(all["items"][1]["superseded"] == true);
    BOOST_TEST(d.ask("record.show", {{"id", box}})["messages"].size() == 2u);
    d.ask("record.show", {{"id", "nobody@here.example"}}, 1);
    // Page by page the same.
    std::string paged;
    Json parameters = {{"id", box}, {"limit", 1}};
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = d.ask("record.items", parameters);
        paged += d.codes(page) + " ";
        if (!page.contains("next")) break;
        parameters["cursor"] = page["next"];
    }
    BOOST_TEST(paged == "c e d ");
}

// One row that could not be opened kept a mailbox's whole list from being read.
BOOST_AUTO_TEST_CASE(a_damaged_row_keeps_no_other_item_from_being_shown)
{
    for (const auto table :
         {Table::item, Table::item_by, Table::record_doc, Table::document, Table::message}) {
        Desk d;
        d.settled(version("1", {allergy("a", "2024")}));
        const auto before = d.store.data();
        for (const auto& [key, value] : before.tables.at(table)) d.store.damage(table, key);
        const auto whole = d.settled(said(ccd("other"), {allergy("b", "2026")}), "lab@lab.example");
        BOOST_REQUIRE(d.store.write(
            [&](WriteTxn& txn) {
                return txn.put(Table::message_by,
                               "r" + d.store.index_key("recipient", "ann@here.example") + be64(1) + whole,
                               "");
            },
            100));
        const auto rows = d.ask("record.items", {{"id", "ann@here.example"}})["items"];
        BOOST_REQUIRE(rows.size() == 2u);
        BOOST_TEST(rows[0]["item"]["code"]["code"] == "b");
        // What says whom a document came from, or what it is called, is not the item.
        const bool shown = table == Table::document || table == Table::message;
        BOOST_TEST(rows[1]["item"].value("state", "") == (shown ? "" : "damaged"));
        BOOST_TEST(rows[1]["source"].contains("sender") == (table != Table::message));
    }
}

BOOST_AUTO_TEST_CASE(a_replaced_documents_items_are_shown_when_asked_for)
{
    Desk d;
    const auto one = hex(d.settled(version("1", {allergy("a")})));
    const auto two = hex(d.settled(version("2", {allergy("b")})));
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", one}})) == "");
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", one}, {"all", 1}})) == "a");
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", two}})) == "b");
    const auto shown = d.ask("record.show", {{"id", one}})["documents"][0];
    BOOST_TEST(shown["places"][0]["state"] == "superseded");
    BOOST_TEST(shown["places"][0]["superseded_by"]["message"] == two);
    const auto again = hex(d.settled(version("2", {allergy("b")})));
    const auto place = d.ask("record.show", {{"id", again}})["documents"][0]["places"][0];
    BOOST_TEST(place["state"] == "repeats");
    BOOST_TEST(place["repeats"]["message"] == two);
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", again}})) == "");
}

BOOST_AUTO_TEST_CASE(a_messages_items_can_be_chosen)
{
    Desk d;
    auto package = said({{"kind", "xdm"}}, {});
    auto result = allergy("r", "2020");
    result["section"] = "results";
    package["children"] = {said(ccd("x"), {allergy("a", "2019"), result}), said(ccd("y"), {allergy("b")})};
    const auto id = hex(d.settled(package));
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", id}})) == "a r b");
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", id}, {"section", "results"}})) == "r");
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", id}, {"code", "b"}})) == "b");
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", id}, {"code", "b"}, {"system", "9"}})) == "");
    BOOST_TEST(d.codes(d.ask("record.items",
                             {{"id", id}, {"since", "2019-01-01"}, {"until", "2020-01-01"}})) == "a");
    const auto rows = d.ask("record.items", {{"id", id}})["items"];
    BOOST_TEST(rows[0]["inner"] == 1);
    BOOST_TEST(rows[2]["inner"] == 2);
    const auto documents = d.ask("record.show", {{"id", id}})["documents"];
    BOOST_REQUIRE(documents.size() == 3u);
    BOOST_TEST(documents[1]["inner"] == 1);
    BOOST_TEST(documents[1]["document"]["id"] == "x");
    d.ask("record.content", {{"document", documents[1]["key"]}}, 1);  // its bytes are the package's
}

BOOST_AUTO_TEST_CASE(bytes_come_in_pieces_and_words_with_their_narrative)
{
    Desk d;
    auto document = ccd("x", {{"sections", {{{"name", "results"}, {"narrative", std::string(5000, 'w')}}}}});
    const auto sent = said(document, {});
    const auto id = hex(d.settled(sent));
    const auto row = d.ask("record.show", {{"id", id}})["documents"][0];
    BOOST_TEST(!row["document"]["sections"][0].contains("narrative"));
    BOOST_TEST((d.ask("record.document", {{"document", row["key"]}})["document"] == document));
    std::string bytes;
    const auto size = sent.dump().size();
    for (std::size_t at = 0; at < size; at += 1000)
        bytes += unbase64(d.ask("record.content",
                                {{"document", row["key"]}, {"offset", at}, {"length", 1000}})["base64"]
                              .get<std::string>())
                     .value();
    BOOST_TEST((bytes == sent.dump()));
    BOOST_TEST(row["sha256"] == hex(sha256(bytes)));
    d.ask("record.content", {{"document", row["key"]}, {"offset", size + 1}}, 2);
    d.ask("record.content", {{"document", row["key"]}, {"length", (1 << 20) + 1}}, 2);
    for (const char* none : {"", "00", "zz"}) {
        BOOST_TEST(d.service.handle(d.admin, "record.content", Json{{"document", none}}.dump()).exit != 0);
        BOOST_TEST(d.service.handle(d.admin, "record.document", Json{{"document", none}}.dump()).exit != 0);
    }
    d.ask("record.content", {{"document", std::string(40, '0')}}, 1);
}

BOOST_AUTO_TEST_CASE(only_admins_read_and_each_reading_is_in_the_audit)
{
    Desk d;
    const auto id = hex(d.settled(version("1", {allergy("7980")})));
    const auto key = d.ask("record.show", {{"id", id}})["documents"][0]["key"];
    BOOST_REQUIRE(d.audit().size() == 1u);
    BOOST_TEST(d.audit()[0].detail == "documents");
    for (const auto& [verb, parameters] : {std::pair{"record.items", Json{{"id", id}}},
                                           {"record.document", Json{{"document", key}}},
                                           {"record.content", Json{{"document", key}}}})
        BOOST_TEST(d.ask_as(d.reader, verb, parameters, 1)["error"] == "not-permitted");
    const auto seen = d.ask_as(d.reader, "record.show", {{"id", id}}, 0);
    BOOST_TEST(seen["documents"].size() == 1u);
    for (const char* secret : {"Care", "Ann", "1961"})
        BOOST_TEST(seen.dump().find(secret) == std::string::npos);
    BOOST_TEST(d.audit().size() == 1u);

    d.ask("record.items", {{"id", id}, {"code", "7980"}, {"section", "allergies"}});
    d.ask("record.document", {{"document", key}});
    d.ask("record.content", {{"document", key}, {"purpose", "export"}});
    d.ask("record.content", {{"document", key}, {"purpose", "export"}, {"offset", 5}});
    // Whoever asks may begin anywhere: a later page or piece is no way around.
    d.ask("record.items", {{"id", id}, {"cursor", "00"}});
    d.ask("record.show", {{"id", id}, {"cursor", "00"}});
    auto entries = d.audit();
    BOOST_REQUIRE(entries.size() == 7u);
    entries.erase(entries.begin());
    BOOST_TEST(entries[0].event == "record-show");
    BOOST_TEST(entries[0].who == "uid 0 (root)");
    BOOST_TEST(entries[0].recipient == "ann@here.example");
    BOOST_TEST(entries[0].detail == "items of section allergies with a code");
    BOOST_TEST(entries[1].detail == "what was read of part 1");
    BOOST_TEST(entries[2].event == "record-export");
    BOOST_TEST(entries[2].detail == "bytes of part 1");
    BOOST_TEST(entries[3].detail == "bytes from 5 of part 1");
    BOOST_TEST(entries[4].detail == "items, continued");
    BOOST_TEST(entries[5].detail == "documents, continued");
    BOOST_TEST(verify_audit(d.store).value().intact);
    // No audit, no reading.
    d.store.fail_writes(10);
    for (const auto& [verb, parameters] : {std::pair{"record.items", Json{{"id", id}}},
                                           {"record.document", Json{{"document", key}}},
                                           {"record.show", Json{{"id", id}}},
                                           {"record.content", Json{{"document", key}}}})
        BOOST_TEST(!d.ask(verb, parameters, 75).contains("items"));
    d.store.fail_writes(0);
}

BOOST_AUTO_TEST_CASE(a_document_in_work_shows_no_items)
{
    Desk d;
    d.settle();
    const auto id = d.take({version("1", {allergy("a")})});
    BOOST_REQUIRE(d.store.write(
        [&](WriteTxn& txn) { return txn.put(Table::item, part_key(id, 1) + be32(1), "{}"); }, 10));
    BOOST_TEST(d.ask("record.items", {{"id", hex(id)}})["items"].empty());
    BOOST_TEST(d.ask("record.show", {{"id", hex(id)}})["documents"][0]["state"] == "pending");
}

BOOST_AUTO_TEST_CASE(attachments_are_read_again_when_an_administrator_asks)
{
    Desk d;
    const auto id = d.settled(said(ccd("a"), {allergy("a")}));
    d.ask_as(d.reader, "record.reparse", {{"id", hex(id)}}, 1);
    d.ask("record.reparse", Json::object(), 2);
    d.ask("record.reparse", {{"id", "<none@there.example>"}}, 1);
    BOOST_TEST(d.ask("record.reparse", {{"plugin", "ccda"}})["documents"] == 0);
    BOOST_TEST(d.store.rows(Table::pending) == 0u);
    BOOST_TEST(d.ask("record.reparse", {{"id", hex(id)}})["documents"] == 1);
    BOOST_TEST(d.store.rows(Table::pending) == 1u);
    BOOST_TEST(d.ask("record.show", {{"id", hex(id)}})["documents"][0]["state"] == "pending");
    const auto entries = d.audit();
    BOOST_REQUIRE(entries.size() >= 2u);
    BOOST_TEST(entries[0].event == "record-reparse");
    BOOST_TEST(entries[0].detail == "0 attachments that ccda failed on");
    BOOST_TEST(entries[1].event == "record-reparse");
    BOOST_TEST(entries[1].message_id == "<" + hex(id) + "@there.example>");
    d.settle();
    BOOST_TEST(d.codes(d.ask("record.items", {{"id", hex(id)}})) == "a");
}
