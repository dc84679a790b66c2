// record_rows.cpp - see record_rows.h.
#include "milter/records/record_rows.h"

#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/items/item_index.h"
#include "milter/items/placement.h"
#include "milter/records/lookup.h"

namespace direct::verbs {

Json message_row(const MessageRecord& r)
{
    Json row;
    row["id"] = hex(r.id);
    row["message_id"] = r.message_id;
    if (!r.in_reply_to.empty()) row["in_reply_to"] = r.in_reply_to;
    if (!r.references.empty()) row["references"] = r.references;
    row["sender"] = r.sender;
    if (!r.sender_organisation.empty()) row["organisation"] = r.sender_organisation;
    row["recipients"] = r.recipients;
    row["received"] = iso_ms(r.received_ms);
    row["kind"] = r.kind;
    row["queue_id"] = r.queue_id;
    row["signer"] = r.signer_fingerprint;
    if (r.items_until_ms) row["items_until"] = iso_ms(r.items_until_ms);
    row["warnings"] = r.warnings;
    return row;
}

Json document_row(const DocumentRecord& r, bool whole)
{
    Json row;
    auto key = part_key(r.message_id, r.part);
    row["key"] = hex(r.inner ? inner_key(key, r.inner) : key);
    row["part"] = r.part;
    if (r.inner) row["inner"] = r.inner;
    row["filename"] = r.filename;
    if (!r.inner) row["type"] = r.declared_type;
    row["kind"] = r.kind;
    row["state"] = r.state;
    row["plugin"] = r.plugin;
    if (!r.detail.empty()) row["detail"] = r.detail;
    row["bytes"] = r.inner ? r.size : r.content.size;
    row["sha256"] = hex(r.inner ? r.sha256 : r.content.sha256);
    if (r.inner) row["kept"] = "in the attachment";  // its bytes, as the format of what it came in has them
    row["items_found"] = r.items;
    if (!r.refused_by.empty()) row["refused_by"] = r.refused_by;
    if (!whole) return row;
    if (!r.summary.empty()) row["document"] = embedded(r.summary);
    if (r.whole) row["document_bytes"] = r.whole.size;
    if (!r.container.empty()) row["container"] = embedded(r.container);
    if (!r.skipped.empty()) row["skipped"] = embedded(r.skipped);
    return row;
}

Json document_name(std::string_view key)
{
    Json name;
    name["message"] = hex(key.substr(0, id_size));
    if (key.size() >= part_key_size) name["part"] = read_be32(key.substr(id_size));
    if (key.size() == inner_key_size) name["inner"] = read_be32(key.substr(part_key_size));
    return name;
}

Result<Json> places_of(ReadTxn& txn, const RecordStore& store, const MessageRecord& message,
                       std::string_view document_key)
{
    Json places = Json::array();
    for (const auto& recipient : message.recipients) {
        const auto address = parse_address(recipient, true);
        if (!address) continue;
        TRY(const auto row, placed(txn, record_key(store, *address), document_key));
        if (!row) continue;
        Json place;
        place["mailbox"] = recipient;
        place["state"] = row->state;
        if (row->state != "current" && !row->other.empty())
            place[row->state == "repeats" ? "repeats" : "superseded_by"] = document_name(row->other);
        if (!row->appends.empty()) place["appends"] = document_name(row->appends);
        if (!row->notes.empty()) place["notes"] = row->notes;
        places.push_back(std::move(place));
    }
    return places;
}

Result<bool> is_superseded(ReadTxn& txn, const RecordStore& store, const MessageRecord& message,
                           std::string_view document_key)
{
    bool any = false;
    for (const auto& record : record_keys(store, message.recipients)) {
        TRY(const auto row, placed(txn, record, document_key));
        if (row && row->state == "current") return false;
        any = any || (row && row->state == "superseded");
    }
    return any;
}

std::string mailbox_prefix(const RecordStore& store, const Address& mailbox)
{
    return "r" + store.index_key("recipient", mailbox.key());
}

Result<NamedRecord> named_record(const Context& c, const std::string& given)
{
    NamedRecord out;
    TRY(auto found, named<MessageRecord>(c, given, Table::message, Table::message_by, decode_message));
    if (!found.empty()) {
        out.message = found.front();
        out.also.assign(found.begin() + 1, found.end());
        return out;
    }
    const auto address = parse_address(given, true);
    if (!address) return out;
    const auto prefix = mailbox_prefix(c.store, *address);
    CHECK(c.store.read([&](ReadTxn& txn) {
        return txn.scan(Table::message_by, prefix, prefix, [&](std::string_view, std::string_view) {
            out.mailbox = *address;
            return false;
        });
    }));
    return out;
}

Reply no_such_record()
{
    return bad(1, "not-found",
               "no message has this id or Message-ID and no mailbox this address, or it has expired");
}

}  // namespace direct::verbs
