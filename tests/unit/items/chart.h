// chart.h - messages whose attachments say themselves what a parser finds in them: {"document": {...},
// "items": [...], "children": [...]}. A store in memory, a pool that obeys, and looks at what came of it.
#pragma once
#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/document_facts.h"
#include "milter/items/hand_over.h"
#include "milter/items/item_index.h"
#include "milter/items/placement.h"
#include "milter/items/settle.h"
#include "tests/support/memory_store.h"

namespace direct::test {

using Json = nlohmann::ordered_json;

inline ParseOutcome outcome_of(const Json& said)
{
    ParseOutcome out;
    out.status = said.value("status", "parsed");
    out.plugin = "ccda 1.0";
    if (out.status != "parsed") return out;
    out.document = said["document"].dump();
    for (const auto& item : said.value("items", Json::array()))
        out.items.push_back({item["section"], "thing", item.dump()});
    for (const auto& child : said.value("children", Json::array())) {
        auto inner = std::make_shared<ParseOutcome>(outcome_of(child));
        inner->filename = "inner.xml";
        inner->sha256 = sha256(child.dump());
        inner->size = child.dump().size();
        out.children.push_back(std::move(inner));
    }
    return out;
}

class ObedientPool : public WorkerPool {
public:
    Result<ParseOutcome> parse(const ParseRequest& request) override
    {
        ++asked;
        const auto said = Json::parse(request.content);
        return outcome_of(mended && said.contains("mended") ? said["mended"] : said);
    }
    std::atomic<int> asked{0};
    std::atomic<bool> mended{false};  ///< attachments say what "mended" has instead
};

/// A document of kind ccd with these members, for the patient p^1.
inline Json ccd(const std::string& id, const Json& more = Json::object())
{
    Json d = {{"kind", "ccd"},
              {"id", id},
              {"patient",
               {{"ids", {{{"root", "p"}, {"extension", "1"}}}}, {"name", "Ann"}, {"birthTime", "1961"}}}};
    d.update(more);
    return d;
}

inline Json allergy(const std::string& code, const std::string& time = "")
{
    Json item = {{"section", "allergies"}, {"code", {{"code", code}, {"codeSystem", "2.16.6"}}}};
    if (!time.empty()) item["effectiveTime"] = {{"kind", "IVL"}, {"low", {{"raw", "x"}, {"value", time}}}};
    return item;
}

inline Json said(const Json& document, const std::vector<Json>& items)
{
    return {{"document", document}, {"items", items}};
}

/// Tells of each write before it happens, so that another thread's work can be done there.
class HookedStore : public MemoryStore {
public:
    Status write(const std::function<Status(WriteTxn&)>& work, std::size_t hint) override
    {
        if (before_write) before_write();
        return MemoryStore::write(work, hint);
    }
    std::function<void()> before_write;
};

struct Chart {
    HookedStore store;
    ObedientPool pool;
    FixedClock clock{Time{}};
    std::int64_t now_ms = 1'000'000;
    Chart()
    {
        log_to([](int, const std::string&) {});
    }
    ~Chart() { log_to({}); }

    /// Takes a message; its documents wait. The id of the message.
    std::string take(const std::vector<Json>& attachments, std::vector<std::string> to = {"ann@here.example"},
                     const std::string& from = "doc@there.example", const std::string& organisation = "")
    {
        std::string mail =
            "From: x@y.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
        for (const auto& a : attachments)
            mail +=
                "--b\r\nContent-Type: application/xml\r\nContent-Disposition: attachment; filename=a.xml\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\n" +
                base64(a.dump(), 76) + "\r\n";
        auto documents = PreparedDocuments::prepare(store, mail + "--b--\r\n", MimeLimits{});
        BOOST_REQUIRE(documents);
        BOOST_REQUIRE(documents->size() == attachments.size());
        MessageRecord m;
        m.id = new_id();
        m.message_id = "<" + hex(m.id) + "@there.example>";
        m.sender = from;
        m.sender_organisation = organisation;
        m.recipients = std::move(to);
        m.received_ms = now_ms;
        m.items_until_ms = now_ms + 1'000'000;
        m.kind = "mailbox";
        now_ms += 1000;
        BOOST_REQUIRE(store.write(
            [&](WriteTxn& txn) -> Status {
                CHECK(txn.put(Table::message, m.id, encode(m)));
                return documents->owe(txn, m.id);
            },
            4096));
        documents->keep();
        return m.id;
    }

    void settle()
    {
        HandOver hand_over(store, pool, clock);
        hand_over.stop();
        HandOver second(store, pool, clock);
        BOOST_REQUIRE(second.pass());
    }

    std::string settled(const Json& attachment, const std::string& from = "doc@there.example",
                        const std::string& organisation = "")
    {
        const auto id = take({attachment}, {"ann@here.example"}, from, organisation);
        settle();
        return id;
    }

    std::string record(const std::string& address = "ann@here.example")
    {
        return record_key(store, parse_address(address).value());
    }

    /// "current", "repeats", "superseded", or "" when it has no place.
    std::string state(const std::string& message, std::uint32_t inner = 0,
                      const std::string& address = "ann@here.example")
    {
        const auto row = place_of(message, inner, address);
        return row ? row->state : "";
    }

    std::optional<RecordDocument> place_of(const std::string& message, std::uint32_t inner = 0,
                                           const std::string& address = "ann@here.example")
    {
        std::optional<RecordDocument> row;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) -> Status {
            const auto key = part_key(message, 1);
            TRY(row, placed(txn, record(address), inner ? inner_key(key, inner) : key));
            return Done{};
        }));
        return row;
    }

    /// First codes of the items that a query of ann's record finds, in order.
    std::string found(ItemQuery query = {}, const std::string& address = "ann@here.example")
    {
        query.record = record(address);
        std::string out;
        BOOST_REQUIRE(store.read([&](ReadTxn& txn) {
            out.clear();
            return find_items(txn, store, query, "", [&](const FoundItem& item) {
                out += (out.empty() ? "" : " ") + facts_of_item(item.json).codes.at(0).code;
                return true;
            });
        }));
        return out;
    }
    std::string all()
    {
        ItemQuery query;
        query.superseded = true;
        return found(query);
    }
};

}  // namespace direct::test
