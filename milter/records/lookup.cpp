// lookup.cpp - see lookup.h.
#include "milter/records/lookup.h"

#include <nlohmann/json.hpp>

namespace direct::verbs {

Json damaged(std::string_view key)
{
    return {{"id", hex(key)}, {"state", "damaged"}};
}

Status each_row(ReadTxn& txn, Table table, std::string_view prefix, std::string_view from,
                const std::function<bool(std::string_view key, const Result<std::string>& value)>& visit)
{
    return txn.keys(table, prefix, from, [&](std::string_view key) {
        auto value = txn.get(table, key);
        if (!value) return visit(key, fail(std::move(value).error()));
        return !*value || visit(key, std::move(**value));
    });
}

Reply list_table(const Context& c, Parameters& p, Table table, const char* name,
                 Result<Json> (*row_of_value)(std::string_view))
{
    Page page(p.number("limit", 500, 1, 5000));
    auto from = p.bytes("cursor");
    auto since = p.time("since");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    Json reply;
    reply[name] = Json::array();
    auto from_text = since ? iso8601(*since) : "";
    auto done = c.store.read([&](ReadTxn& txn) {
        return each_row(txn, table, {}, from, [&](std::string_view key, const Result<std::string>& value) {
            const auto row = value ? row_of_value(*value) : Result<Json>(fail(value.error()));
            auto shown = row ? *row : damaged(key);
            // One format everywhere, so that text order is time order.
            if (row && shown["received"].get_ref<const std::string&>() < from_text) return true;
            if (!page.room(key)) return false;
            page.add((value ? value->size() : 0) + 600);
            reply[name].push_back(std::move(shown));
            return true;
        });
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

Result<std::vector<std::string>> ids_under(ReadTxn& txn, Table table, const std::string& prefix)
{
    std::vector<std::string> ids;
    CHECK(txn.scan(table, prefix, {}, [&](std::string_view key, std::string_view) {
        if (key.size() >= prefix.size() + id_size) ids.emplace_back(key.substr(key.size() - id_size));
        return ids.size() < 1000;
    }));
    return ids;
}

std::string id_of(const std::string& given)
{
    if (given.size() != 2 * id_size) return "";
    return unhex(given).value_or("");
}

std::string with_brackets(const std::string& message_id)
{
    return message_id.starts_with('<') ? message_id : "<" + message_id + ">";
}

Reply several(std::string_view what, const char* who, const std::vector<Candidate>& found)
{
    Json json;
    json["error"] = "input";
    json["detail"] = "several " + std::string(what) + " carry this Message-ID: name one by its id";
    for (const auto& one : found)
        json["candidates"].push_back(
            {{"id", hex(one.id)}, {"received", iso_ms(one.received_ms)}, {who, one.whose}});
    return {1, print(json)};
}

}  // namespace direct::verbs
