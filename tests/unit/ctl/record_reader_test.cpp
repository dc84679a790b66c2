// A message that is shown or exported while the parsers read it: what is told of a document and of its items is one
// state of it. What happens meanwhile happens between two questions.
#include "milter/ctl/record_reader.h"

#include <map>

#include "milter/records/service.h"
#include "tests/unit/items/chart.h"

using namespace direct;
using namespace direct::test;

namespace {

struct Meanwhile : Chart {
    FixedClock time{*parse_iso8601("2026-11-22T03:10:00Z")};
    RecordService service{store, time, DaemonHooks{}};
    std::map<int, std::function<void()>> before;  // the question of this number
    int asked = 0, exit = 0;

    std::optional<Json> answer(std::string_view verb, const Json& parameters)
    {
        if (const auto found = before.find(++asked); found != before.end()) found->second();
        const auto reply = service.handle({0, 0, "uid 0 (root)", true}, verb, parameters.dump());
        exit = reply.exit;
        return exit ? std::nullopt : std::optional(Json::parse(reply.json));
    }

    /// "parsed 1: a; pending 0:" for each document its state, items_found and the codes of its items.
    std::string shown(const std::string& id, bool all = false)
    {
        asked = exit = 0;
        Json parameters = {{"id", hex(id)}};
        if (all) parameters["all"] = 1;
        ctl::MessageReader reader([this](auto verb, const Json& p) { return answer(verb, p); }, parameters);
        std::string out;
        if (!reader.open()) return "failed";
        BOOST_TEST(!reader.head().contains("as_read"));
        for (; const Json* row = reader.document(); reader.take_document()) {
            out += (out.empty() ? "" : "; ") + ctl::text_of(*row, "state") + " " +
                   ctl::text_of(*row, "items_found") + ":";
            for (; const Json* item = reader.item(); reader.take_item())
                out += " " + (*item)["item"]["code"]["code"].get<std::string>() +
                       (item->contains("superseded") ? "!" : "");
        }
        return reader.failed() ? "failed" : out;
    }

    void owe_again(const std::string& id, std::uint32_t part)
    {
        const auto key = part_key(id, part);
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                TRY(const auto value, txn.get(Table::document, key));
                TRY(auto row, decode_document(*value));
                row.state = "pending";
                CHECK(txn.put(Table::document, key, encode(row)));
                return txn.put(Table::pending, key, "");
            },
            1000));
    }
};

Json versioned(const char* number)
{
    return said(ccd(std::string("d") + number, {{"setId", "set"}, {"versionNumber", number}}),
                {allergy(std::string("v") + number)});
}

}  // namespace

BOOST_AUTO_TEST_CASE(documents_that_are_read_between_the_questions_are_shown_as_they_were)
{
    // One message in three was told "parsed, items_found 2" with no items, and exported so with exit 0.
    Meanwhile m;
    m.settle();
    const auto id = m.take({said(ccd("a"), {allergy("a")}), said(ccd("b"), {allergy("b")})});
    m.before[2] = [&] { m.settle(); };
    BOOST_TEST(m.shown(id) == "pending 0:; pending 0:");
    BOOST_TEST(m.store.rows(Table::pending) == 0u);
    m.before.clear();
    BOOST_TEST(m.shown(id) == "parsed 1: a; parsed 1: b");
}

BOOST_AUTO_TEST_CASE(a_document_that_is_replaced_between_the_questions_has_its_items)
{
    Meanwhile m;
    const auto id = m.settled(versioned("1"));
    m.before[2] = [&] { m.settled(versioned("2")); };
    BOOST_TEST(m.shown(id) == "parsed 1: v1");
    m.before.clear();
    BOOST_TEST(m.shown(id) == "parsed 1:");
    BOOST_TEST(m.shown(id, true) == "parsed 1: v1!");
}

BOOST_AUTO_TEST_CASE(a_document_that_is_read_again_between_the_questions_is_asked_for_again)
{
    Meanwhile m;
    const auto id = m.settled(said(ccd("a"), {allergy("a")}));
    m.before[2] = [&] { m.owe_again(id, 1); };
    BOOST_TEST(m.shown(id) == "failed");
    BOOST_TEST(m.exit == 75);
    // Whether it is still to be read, or has been.
    m.settle();
    m.before[2] = [&] {
        m.owe_again(id, 1);
        m.settle();
    };
    BOOST_TEST(m.shown(id) == "failed");
    BOOST_TEST(m.exit == 75);
    m.before.clear();
    BOOST_TEST(m.shown(id) == "parsed 1: a");
}

BOOST_AUTO_TEST_CASE(what_an_earlier_reading_found_is_not_shown_of_a_document_that_waits)
{
    Meanwhile m;
    Json package = said({{"kind", "xdm"}}, {});
    package["children"] = {said(ccd("one"), {allergy("one")}), said(ccd("two"), {allergy("two")})};
    const auto id = m.settled(package);
    BOOST_TEST(m.shown(id) == "parsed 0:; parsed 1: one; parsed 1: two");
    const auto all = (*m.answer("record.show", {{"id", hex(id)}}))["documents"];
    BOOST_TEST(!all[0].contains("kept"));
    BOOST_TEST(all[1]["kept"] == "in the attachment");
    m.owe_again(id, 1);
    BOOST_TEST(m.shown(id) == "pending 0:");
    const auto row = (*m.answer("record.show", {{"id", hex(id)}}))["documents"][0];
    BOOST_TEST(!row.contains("document"));
    BOOST_TEST(row["plugin"] == "");
    m.settle();
    BOOST_TEST(m.shown(id) == "parsed 0:; parsed 1: one; parsed 1: two");
}

BOOST_AUTO_TEST_CASE(a_reading_nobody_told_is_no_parameter)
{
    Meanwhile m;
    const auto id = m.settled(said(ccd("a"), {allergy("a")}));
    for (const char* bad : {"1", "1.x", ".", "1.1.1", "x.1", "1.1 ", "4294967296.1"})
        for (const char* verb : {"record.show", "record.items"}) {
            BOOST_TEST(!m.answer(verb, {{"id", hex(id)}, {"as_read", bad}}), bad);
            BOOST_TEST(m.exit == 2, bad);
        }
    BOOST_TEST((*m.answer("record.items", {{"id", hex(id)}, {"as_read", "-"}}))["items"].empty());
}
