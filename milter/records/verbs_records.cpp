// verbs_records.cpp - messages taken and their documents, as an administrator sees them. What documents say
// of a person only root and the daemon's own user are shown; items and bytes are in verbs_items.cpp.
#include <nlohmann/json.hpp>

#include "milter/records/as_read.h"
#include "milter/records/lookup.h"
#include "milter/records/reading.h"
#include "milter/records/record_rows.h"

namespace direct::verbs {
namespace {

Result<Json> message_value(std::string_view value)
{
    TRY(auto record, decode_message(value));
    return message_row(record);
}

/// Bytes of a place in a reply: a mailbox, a state, another document.
constexpr std::size_t place_bytes = 300;

/// Documents of a message from a key on; keys are the cursor. Those inside an attachment that waits are not told: its
/// reading goes on, or begins anew.
Status documents_page(ReadTxn& txn, const Context& c, const MessageRecord& m, const std::string& given,
                      const std::string& from, Page& page, Json& reply)
{
    TRY(const auto as, AsRead::of(txn, m.id, given));
    if (const auto text = as.text(); text.size() <= as_read_max) reply["as_read"] = text;
    reply["documents"] = Json::array();
    Status trouble = Done{};
    CHECK(each_row(
        txn, Table::document, m.id, from, [&](std::string_view key, const Result<std::string>& value) {
            auto document = value ? decode_document(*value) : Result<DocumentRecord>(fail(value.error()));
            const bool waits = document && !as.has(document->part);
            if (waits && document->inner) return true;
            if (!page.room(key)) return false;
            if (waits) document = waiting(*std::move(document));
            auto row = document ? document_row(*document, c.caller.admin) : damaged(key);
            auto places = places_of(txn, c.store, m, key);
            if (!places) {
                trouble = fail(places.error());
                return false;
            }
            page.add((value ? value->size() : 0) + 400 + place_bytes * places->size());
            if (!places->empty()) row["places"] = std::move(*places);
            reply["documents"].push_back(std::move(row));
            return true;
        }));
    return trouble;
}

/// Messages of a mailbox, oldest first.
Status messages_page(ReadTxn& txn, const Context& c, const Address& mailbox, const std::string& from,
                     Page& page, Json& reply)
{
    reply["messages"] = Json::array();
    const auto prefix = mailbox_prefix(c.store, mailbox);
    return txn.keys(Table::message_by, prefix, from, [&](std::string_view key) {
        if (!page.room(key)) return false;
        const auto id = key.substr(key.size() - std::min(id_size, key.size()));
        auto value = txn.get(Table::message, id);
        if (value && !*value) return true;
        auto row = value ? message_value(**value) : Result<Json>(fail(value.error()));
        page.add((value ? (*value)->size() : 0) + 400);
        reply["messages"].push_back(row ? *row : damaged(id));
        return true;
    });
}

}  // namespace

Reply record_list(const Context& c, Parameters& p)
{
    return list_table(c, p, Table::message, "records", message_value);
}

Reply record_show(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    Page page(p.number("limit", 5000, 1, 20000));
    auto from = p.bytes("cursor");
    const bool only_one = p.number("one", 0, 0, 1) == 1;
    auto as_read = p.text("as_read", as_read_max);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named_record(c, given);
    if (!found) return bad(found.error());
    if (!*found) return no_such_record();
    if (only_one && !found->also.empty()) {
        const auto& m = *found->message;
        std::vector<Candidate> all{{m.id, m.received_ms, m.sender}};
        for (const auto& other : found->also) all.push_back({other.id, other.received_ms, other.sender});
        return several("messages", "sender", all);
    }
    // What a document says of its patient stands in its row, for admins.
    if (const auto& m = found->message; m && c.caller.admin) {
        auto noted = remember_reading(c, "record-show", m->message_id, join(m->recipients, ", "),
                                      from.empty() ? "documents" : "documents, continued");
        if (!noted) return bad(noted.error());
    }
    Json reply;
    auto done = c.store.read([&](ReadTxn& txn) -> Status {
        reply = Json::object();
        if (found->message) {
            reply["record"] = message_row(*found->message);
            for (const auto& other : found->also) reply["also"].push_back(hex(other.id));
            return documents_page(txn, c, *found->message, as_read, from, page, reply);
        }
        reply["record"] = Json{{"mailbox", found->mailbox->text()}, {"kind", "mailbox"}};
        return messages_page(txn, c, *found->mailbox, from, page, reply);
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

}  // namespace direct::verbs
