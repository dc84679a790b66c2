// verbs_records.cpp - held records and message records as an administrator sees them: whose, when, what
// state, which documents and items. Never: answer, code, subject, content of a message.
#include <nlohmann/json.hpp>

#include "milter/audit/audit.h"
#include "milter/base/text.h"
#include "milter/notify/held_end.h"
#include "milter/records/verbs.h"
#include "milter/store/schema.h"

namespace direct::verbs {
namespace {

Json held_row(const HeldRecord& r)
{
    Json row;
    row["id"] = hex(r.id);
    row["state"] = r.state;
    row["environment"] = r.environment;
    row["domain"] = r.domain;
    row["contact"] = r.contact;
    row["sender"] = r.sender;
    row["organisation"] = r.sender_organisation;
    row["message_id"] = r.message_id;
    row["received"] = iso_ms(r.received_ms);
    row["expires"] = iso_ms(r.expires_ms);
    row["has_question"] = !r.question.empty();
    row["attempts_left"] = r.attempts_left;
    row["attachments"] = r.attachments.size();
    row["warnings"] = r.warnings;
    return row;
}

Json held_whole(const HeldRecord& r, bool admin)
{
    auto row = held_row(r);
    row["newuser"] = r.newuser_address;
    row["name"] = r.display_name;
    row["language"] = r.language;
    row["sender_certificate"] = r.sender_fingerprint;
    row["answer_exposed"] = r.answer_exposed;
    // Whoever may read the store's key may read the question; the group that only reads may not.
    if (admin && !r.question.empty()) row["question"] = r.question;
    row["content_bytes"] = r.content.size;
    row["notices"] = Json::array();
    for (const auto& n : r.notices) row["notices"].push_back({{"at", iso_ms(n.at_ms)}, {"what", n.what}});
    row["attachments"] = Json::array();
    for (const auto& a : r.attachments)
        row["attachments"].push_back({{"filename", a.filename},
                                      {"type", a.declared_type},
                                      {"kind", a.kind},
                                      {"bytes", a.size},
                                      {"sha256", hex(a.sha256)}});
    return row;
}

Json message_row(const MessageRecord& r)
{
    Json row;
    row["id"] = hex(r.id);
    row["message_id"] = r.message_id;
    row["sender"] = r.sender;
    row["recipients"] = r.recipients;
    row["received"] = iso_ms(r.received_ms);
    row["kind"] = r.kind;
    row["queue_id"] = r.queue_id;
    row["signer"] = r.signer_fingerprint;
    if (r.items_until_ms) row["items_until"] = iso_ms(r.items_until_ms);
    row["warnings"] = r.warnings;
    return row;
}

Json document_row(const DocumentRecord& r)
{
    Json row;
    row["part"] = r.part;
    row["filename"] = r.filename;
    row["type"] = r.declared_type;
    row["kind"] = r.kind;
    row["state"] = r.state;
    row["plugin"] = r.plugin;
    if (!r.detail.empty()) row["detail"] = r.detail;
    row["bytes"] = r.content.size;
    row["sha256"] = hex(r.content.sha256);
    row["items_found"] = r.items;
    if (!r.refused_by.empty()) row["refused_by"] = r.refused_by;
    if (!r.summary.empty()) row["document"] = embedded(r.summary);
    if (!r.skipped.empty()) row["skipped"] = embedded(r.skipped);
    return row;
}

/// A value that does not decode is shown as damaged: one bad row must not hide the others.
Json damaged(std::string_view key)
{
    return {{"id", hex(key)}, {"state", "damaged"}};
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
        return txn.scan(table, {}, from, [&](std::string_view key, std::string_view value) {
            auto row = row_of_value(value);
            auto shown = row ? *row : damaged(key);
            // One format everywhere, so that text order is time order.
            if (row && shown["received"].get_ref<const std::string&>() < from_text) return true;
            if (!page.room(key)) return false;
            page.add(value.size() + 600);
            reply[name].push_back(std::move(shown));
            return true;
        });
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

Result<Json> held_value(std::string_view value)
{
    TRY(auto record, decode_held(value));
    return held_row(record);
}

Result<Json> message_value(std::string_view value)
{
    TRY(auto record, decode_message(value));
    return message_row(record);
}

/// Ids behind an index prefix whose keys end in an id.
Result<std::vector<std::string>> ids_under(ReadTxn& txn, Table table, const std::string& prefix)
{
    std::vector<std::string> ids;
    CHECK(txn.scan(table, prefix, {}, [&](std::string_view key, std::string_view) {
        if (key.size() >= prefix.size() + id_size) ids.emplace_back(key.substr(key.size() - id_size));
        return ids.size() < 1000;
    }));
    return ids;
}

/// The 16 bytes that "0123..." means, or empty: a Message-ID never is 32 hexadecimal digits without '@'.
std::string id_of(const std::string& given)
{
    if (given.size() != 2 * id_size) return "";
    return unhex(given).value_or("");
}

std::string with_brackets(const std::string& message_id)
{
    return message_id.starts_with('<') ? message_id : "<" + message_id + ">";
}

/// The rows a name means: one for an id; all that carry a Message-ID, newest first.
template <class Record>
Result<std::vector<Record>> named(const Context& c, const std::string& given, Table table, Table index,
                                  Result<Record> (*decode_value)(std::string_view))
{
    std::vector<Record> found;
    CHECK(c.store.read([&](ReadTxn& txn) -> Status {
        found.clear();
        std::vector<std::string> ids;
        if (auto id = id_of(given); !id.empty())
            ids.push_back(id);
        else {
            TRY(ids, ids_under(txn, index, "m" + c.store.index_key("message-id", with_brackets(given))));
        }
        for (const auto& id : ids) {
            TRY(auto value, txn.get(table, id));
            if (!value) continue;
            TRY(auto record, decode_value(*value));
            found.push_back(std::move(record));
        }
        return Done{};
    }));
    std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.received_ms > b.received_ms; });
    return found;
}

template <class Record>
void also(Json& reply, const std::vector<Record>& found)
{
    for (std::size_t i = 1; i < found.size(); ++i) reply["also"].push_back(hex(found[i].id));
}

/// Documents of a message from a key on; keys are the cursor.
Status documents_page(ReadTxn& txn, const std::string& id, const std::string& from, Page& page, Json& reply)
{
    reply["documents"] = Json::array();
    return txn.scan(Table::document, id, from, [&](std::string_view key, std::string_view value) {
        if (!page.room("d" + std::string(key))) return false;
        page.add(value.size() + 400);
        auto document = decode_document(value);
        reply["documents"].push_back(document ? document_row(*document) : damaged(key));
        return true;
    });
}

Status items_page(ReadTxn& txn, const std::string& id, const std::string& from, Page& page, Json& reply)
{
    reply["items"] = Json::array();
    return txn.scan(Table::item, id, from, [&](std::string_view key, std::string_view value) {
        if (key.size() != id_size + 8) return true;
        if (!page.room("i" + std::string(key))) return false;
        page.add(value.size() + 100);
        auto part = read_be64(key.substr(id_size)) >> 32;
        reply["items"].push_back({{"part", part}, {"item", embedded(std::string(value))}});
        return true;
    });
}

}  // namespace

Reply held_list(const Context& c, Parameters& p)
{
    return list_table(c, p, Table::held, "held", held_value);
}

Reply held_show(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named<HeldRecord>(c, given, Table::held, Table::held_by, decode_held);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no held record has this id or Message-ID");
    Json reply;
    reply["held"] = held_whole(found->front(), c.caller.admin);
    also(reply, *found);
    return good(reply);
}

/// Withdrawn before it was picked up; its sender hears of it.
Reply held_revoke(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named<HeldRecord>(c, given, Table::held, Table::held_by, decode_held);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no held record has this id or Message-ID");
    if (found->size() > 1)
        return bad(1, "input", "several held records carry this Message-ID: name one by its id");
    std::optional<HeldRecord> ended;
    auto done = c.store.write([&](WriteTxn& txn) -> Status {
        const auto now = c.clock.now();
        TRY(ended, end_held(txn, c.store, found->front().id, "revoked", now));
        if (!ended) return Done{};
        auto e = held_end_entry(*ended, "record-revoked", now);
        e.who = c.caller.name;
        e.from_host = "local";
        return append_audit(txn, c.store, std::move(e));
    });
    if (!done) return bad(done.error());
    if (!ended) return bad(1, "input", "it waits no more: its state is " + found->front().state);
    if (c.hooks.wake_outbox) c.hooks.wake_outbox();
    return good({{"revoked", hex(ended->id)}});
}

Reply record_list(const Context& c, Parameters& p)
{
    return list_table(c, p, Table::message, "records", message_value);
}

Reply record_show(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    Page page(p.number("limit", 5000, 1, 20000));
    auto from = p.bytes("cursor");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named<MessageRecord>(c, given, Table::message, Table::message_by, decode_message);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no message has this id or Message-ID, or it has expired");
    const auto& id = found->front().id;
    Json reply;
    auto done = c.store.read([&](ReadTxn& txn) -> Status {
        reply = Json{{"record", message_row(found->front())}};
        also(reply, *found);
        if (!from.starts_with('i')) {
            CHECK(documents_page(txn, id, from.substr(from.empty() ? 0 : 1), page, reply));
            if (page.full()) return Done{};
        }
        return items_page(txn, id, from.starts_with('i') ? from.substr(1) : std::string(), page, reply);
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

}  // namespace direct::verbs
