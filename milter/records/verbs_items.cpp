// verbs_items.cpp - what documents say and the documents themselves: for root and the daemon's own user, each
// reading with an entry in the audit before anything is handed out. Long answers come in pages and pieces.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "milter/items/item_index.h"
#include "milter/records/as_read.h"
#include "milter/records/lookup.h"
#include "milter/records/reading.h"
#include "milter/records/record_rows.h"

namespace direct::verbs {
namespace {

constexpr std::int64_t piece_max = 1 << 20;  // bytes of a document in one reply
const std::string damaged_item = R"({"state":"damaged"})";

/// show | export
std::string purpose_of(Parameters& p)
{
    const auto given = p.text("purpose", 10);
    return given == "export" ? "record-export" : "record-show";
}

struct Asked {
    ItemQuery query;
    std::string as_read;  ///< of a message alone
    bool filtered() const
    {
        return !query.section.empty() || !query.code.empty() || query.since || query.until;
    }
};

/// A document whose items may stand in a message's rows.
struct Shelf {
    std::uint32_t part = 0, inner = 0, first = 0, end = 0;
    bool visible = false, superseded = false;
};

/// Those that hold items, in the order of these.
Result<std::vector<Shelf>> shelves_of(ReadTxn& txn, const Context& c, const MessageRecord& m,
                                      const AsRead& as, bool all)
{
    std::vector<Shelf> out;
    Status trouble = Done{};
    CHECK(each_row(
        txn, Table::document, m.id, m.id, [&](std::string_view key, const Result<std::string>& value) {
            const auto row = value ? decode_document(*value) : Result<DocumentRecord>(fail(value.error()));
            if (!row || row->items == 0) return true;  // damage is told by record.show
            auto superseded = is_superseded(txn, c.store, m, key);
            if (!superseded) {
                trouble = fail(superseded.error());
                return false;
            }
            Shelf s{row->part, row->inner, row->first_item, row->first_item + row->items, false, *superseded};
            s.visible = as.has(row->part) && (all || !s.superseded);
            out.push_back(s);
            return true;
        }));
    CHECK(trouble);
    std::ranges::sort(out, {}, [](const Shelf& s) { return std::pair(s.part, s.first); });
    return out;
}

/// The one that holds an item; nothing when its document is damaged. A message may have many of both.
const Shelf* shelf_of(const std::vector<Shelf>& shelves, std::uint32_t part, std::uint32_t number)
{
    const auto behind = std::ranges::upper_bound(shelves, std::pair(part, number), {},
                                                 [](const Shelf& s) { return std::pair(s.part, s.first); });
    if (behind == shelves.begin()) return nullptr;
    const auto& found = *std::prev(behind);
    return found.part == part && number < found.end ? &found : nullptr;
}

bool fits(const ItemQuery& q, std::string_view json)
{
    const auto facts = facts_of_item(json);
    if (!q.section.empty() && facts.section != q.section) return false;
    if ((q.since || q.until) && !facts.time_ms) return false;
    const Time time(milliseconds(facts.time_ms.value_or(0)));
    if ((q.since && time < *q.since) || (q.until && time >= *q.until)) return false;
    return q.code.empty() || std::any_of(facts.codes.begin(), facts.codes.end(), [&](const ItemCode& code) {
               return code.code == q.code && (q.system.empty() || code.system == q.system);
           });
}

Json item_row(std::uint32_t part, std::uint32_t inner, std::uint32_t number, bool superseded,
              const std::string& json)
{
    Json row;
    row["part"] = part;
    if (inner) row["inner"] = inner;
    row["number"] = number;
    if (superseded) row["superseded"] = true;
    row["item"] = embedded(json);
    return row;
}

/// In the order of the documents.
Status items_of_message(ReadTxn& txn, const Context& c, const MessageRecord& m, const Asked& asked,
                        const std::string& from, Page& page, Json& reply)
{
    TRY(const auto as, AsRead::of(txn, m.id, asked.as_read));
    TRY(const auto shelves, shelves_of(txn, c, m, as, asked.query.superseded));
    return each_row(
        txn, Table::item, m.id, from, [&](std::string_view key, const Result<std::string>& value) {
            if (key.size() != item_key_size) return true;
            const auto part = read_be32(key.substr(id_size)), number = read_be32(key.substr(part_key_size));
            const auto* shelf = shelf_of(shelves, part, number);
            if (!shelf || !shelf->visible) return true;
            // What cannot be read may be what was asked for.
            if (value && asked.filtered() && !fits(asked.query, *value)) return true;
            if (!page.room(key)) return false;
            page.add((value ? value->size() : 0) + 100);
            reply["items"].push_back(
                item_row(part, shelf->inner, number, shelf->superseded, value ? *value : damaged_item));
            return true;
        });
}

/// Where an item comes from: message, sender, document.
class Sources {
public:
    explicit Sources(ReadTxn& txn) : txn_(txn) {}
    /// As much of it as can be read.
    Json of(const std::string& document_key)
    {
        const auto known = known_.find(document_key);
        if (known != known_.end()) return known->second;
        Json source = document_name(document_key);
        const auto message = txn_.get(Table::message, document_key.substr(0, id_size));
        if (const auto m = message && *message ? decode_message(**message) : fail(temporary("gone"))) {
            source["message_id"] = m->message_id;
            source["sender"] = m->sender;
            source["received"] = iso_ms(m->received_ms);
        }
        const auto document = txn_.get(Table::document, document_key);
        if (const auto d = document && *document ? decode_document(**document) : fail(temporary("gone"))) {
            source["kind"] = d->kind;
            const auto about = embedded(d->summary);
            for (const char* name : {"id", "title", "effectiveTime"})
                if (about.is_object() && about.contains(name)) source[name] = about[name];
        }
        return known_.emplace(document_key, std::move(source)).first->second;
    }

private:
    ReadTxn& txn_;
    std::map<std::string, Json> known_;
};

/// Newest first, over all documents.
Status items_of_mailbox(ReadTxn& txn, const Context& c, const Asked& asked, const std::string& from,
                        Page& page, Json& reply)
{
    Sources sources(txn);
    return find_items(txn, c.store, asked.query, from, [&](const FoundItem& found) {
        if (!page.room(found.row)) return false;
        page.add(found.json.size() + 1000);
        auto name = document_name(found.document);
        auto row = item_row(name["part"], name.value("inner", 0u), read_be32(found.key.substr(part_key_size)),
                            found.superseded, found.damaged ? damaged_item : found.json);
        row["source"] = sources.of(found.document);
        reply["items"].push_back(std::move(row));
        return true;
    });
}

std::string told(const Asked& asked)
{
    std::string out = "items";
    if (!asked.query.section.empty()) out += " of section " + asked.query.section;
    if (!asked.query.code.empty()) out += " with a code";
    if (asked.query.since || asked.query.until) out += " of a time";
    return out;
}

struct NamedDocument {
    MessageRecord message;
    DocumentRecord row;
};

/// @param as_read  the reading it must be of
Result<std::optional<NamedDocument>> named_document(const Context& c, const std::string& key,
                                                    const std::string& as_read = "")
{
    std::optional<NamedDocument> out;
    if (key.size() != part_key_size && key.size() != inner_key_size) return out;
    CHECK(c.store.read([&](ReadTxn& txn) -> Status {
        out.reset();
        TRY(const auto document, txn.get(Table::document, key));
        TRY(const auto message, txn.get(Table::message, key.substr(0, id_size)));
        if (!document || !message) return Done{};
        const auto as = AsRead::of(txn, key.substr(0, id_size), as_read);
        if (!as) return fail(as.error());
        NamedDocument found;
        TRY(found.row, decode_document(*document));
        TRY(found.message, decode_message(*message));
        out = std::move(found);
        return Done{};
    }));
    return out;
}

Status remember_document(const Context& c, const std::string& event, const NamedDocument& d,
                         const std::string& what)
{
    auto detail = what + " of part " + std::to_string(d.row.part);
    if (d.row.inner) detail += ", document " + std::to_string(d.row.inner) + " inside";
    return remember_reading(c, event, d.message.message_id, join(d.message.recipients, ", "),
                            std::move(detail));
}

Reply no_such_document()
{
    return bad(1, "not-found", "there is no such document, or it has expired");
}

}  // namespace

Reply record_items(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    Page page(p.number("limit", 5000, 1, 20000));
    auto from = p.bytes("cursor");
    Asked asked;
    asked.query.section = p.text("section", 64);
    asked.query.code = p.text("code", 200);
    asked.query.system = p.text("system", 200);
    asked.query.since = p.time("since");
    asked.query.until = p.time("until");
    asked.query.superseded = p.number("all", 0, 0, 1) == 1;
    asked.as_read = p.text("as_read", as_read_max);
    auto event = purpose_of(p);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named_record(c, given);
    if (!found) return bad(found.error());
    if (!*found) return no_such_record();
    const auto& m = found->message;
    auto noted = remember_reading(c, event, m ? m->message_id : "",
                                  m ? join(m->recipients, ", ") : found->mailbox->text(),
                                  told(asked) + (from.empty() ? "" : ", continued"));
    if (!noted) return bad(noted.error());
    Json reply;
    auto done = c.store.read([&](ReadTxn& txn) -> Status {
        reply = Json{{"items", Json::array()}};
        if (found->message) return items_of_message(txn, c, *found->message, asked, from, page, reply);
        asked.query.record = record_key(c.store, *found->mailbox);
        return items_of_mailbox(txn, c, asked, from, page, reply);
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

/// The whole document object, narratives included.
Reply record_document(const Context& c, Parameters& p)
{
    auto key = p.bytes("document");
    auto as_read = p.text("as_read", as_read_max);
    auto event = purpose_of(p);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named_document(c, key, as_read);
    if (!found) return bad(found.error());
    if (!*found) return no_such_document();
    if (auto noted = remember_document(c, event, **found, "what was read"); !noted) return bad(noted.error());
    const auto& row = (*found)->row;
    auto text = row.whole ? c.store.content(row.whole) : Result<std::string>(row.summary);
    if (!text) return bad(text.error());
    return good({{"document", embedded(*text)}});
}

/// A piece of the attachment, byte for byte.
Reply record_content(const Context& c, Parameters& p)
{
    auto key = p.bytes("document");
    auto offset = static_cast<std::uint64_t>(p.number("offset", 0, 0, INT64_MAX));
    auto length = static_cast<std::uint64_t>(p.number("length", piece_max, 1, piece_max));
    auto event = purpose_of(p);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named_document(c, key);
    if (!found) return bad(found.error());
    if (!*found) return no_such_document();
    const auto& content = (*found)->row.content;
    if (!content) return bad(1, "input", "its bytes lie inside of the attachment it came in");
    if (offset > content.size) return bad(2, "input", "behind the end");
    const std::string what = offset == 0 ? "bytes" : "bytes from " + std::to_string(offset);
    if (auto noted = remember_document(c, event, **found, what); !noted) return bad(noted.error());
    auto bytes = c.store.content_range(content, offset, length);
    if (!bytes) return bad(bytes.error());
    return good({{"bytes", content.size}, {"sha256", hex(content.sha256)}, {"base64", base64(*bytes)}});
}

}  // namespace direct::verbs
