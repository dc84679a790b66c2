// schema.cpp - the fields of every record, once, for writing and reading.
//
// A number in here is on disk: never reuse one, never change what it means. No I/O, thread safe.
#include "milter/store/schema.h"

#include "milter/base/crypto.h"
#include "milter/store/codec.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, MessageRecord>
void fields(F& f, R& r)
{
    f(1, r.id);
    f(2, r.message_id);
    f(3, r.sender);
    f(4, r.recipients);
    f(5, r.queue_id);
    f(6, r.received_ms);
    f(7, r.signer_fingerprint);
    f(8, r.kind);
    f(9, r.items_until_ms);
    f(10, r.warnings);
    f(11, r.sender_organisation);
    f(12, r.references);
    f(13, r.in_reply_to);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, DocumentRecord>
void fields(F& f, R& r)
{
    f(1, r.message_id);
    f(2, r.part);
    f(3, r.filename);
    f(4, r.declared_type);
    f(5, r.kind);
    f(6, r.state);
    f(7, r.plugin);
    f(8, r.detail);
    f(9, r.content);
    f(10, r.items);
    f(11, r.summary);
    f(12, r.skipped);
    f(13, r.refused_by);
    f(14, r.tries);
    f(15, r.charset);
    f(16, r.inner);
    f(17, r.first_item);
    f(18, r.whole);
    f(19, r.container);
    f(20, r.sha256);
    f(21, r.size);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, RelatedDocument>
void fields(F& f, R& r)
{
    f(1, r.type);
    f(2, r.ids);
    f(3, r.set_id);
    f(4, r.version);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, RecordDocument>
void fields(F& f, R& r)
{
    f(1, r.document);
    f(2, r.state);
    f(3, r.other);
    f(4, r.appends);
    f(5, r.notes);
    f(6, r.sha256);
    f(7, r.digest);
    f(8, r.id);
    f(9, r.set_id);
    f(10, r.version);
    f(11, r.patient);
    f(12, r.domain);
    f(13, r.organisation);
    f(14, r.related);
    f(15, r.received_ms);
    f(16, r.inherits);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, OutboxEntry>
void fields(F& f, R& r)
{
    f(1, r.id);
    f(2, r.kind);
    f(3, r.envelope_from);
    f(4, r.envelope_id);
    f(5, r.recipients);
    f(6, r.notify);
    f(7, r.content);
    f(8, r.message_id);
    f(9, r.queue_id);
    f(10, r.created_ms);
    f(11, r.due_ms);
    f(12, r.tries);
    f(13, r.state);
    f(14, r.last_answer);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, SettledRecord>
void fields(F& f, R& r)
{
    f(1, r.kind);
    f(2, r.envelope_id);
    f(3, r.answer);
    f(4, r.message_id);
    f(5, r.taken);
    f(6, r.refused);
    f(7, r.at_ms);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, NoticeLogEntry>
void fields(F& f, R& r)
{
    f(1, r.at_ms);
    f(2, r.what);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, FetchedRecord>
void fields(F& f, R& r)
{
    f(1, r.etag);
    f(2, r.last_modified);
    f(3, r.content);
    f(4, r.good_ms);
    f(5, r.fresh_ms);
    f(6, r.used_ms);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, HeldAttachment>
void fields(F& f, R& r)
{
    f(1, r.filename);
    f(2, r.declared_type);
    f(3, r.kind);
    f(4, r.sha256);
    f(5, r.size);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, HeldRecord>
void fields(F& f, R& r)
{
    f(1, r.id);
    f(2, r.code);
    f(3, r.state);
    f(4, r.environment);
    f(5, r.domain);
    f(6, r.newuser_address);
    f(7, r.contact);
    f(8, r.display_name);
    f(9, r.sender);
    f(10, r.sender_organisation);
    f(11, r.sender_fingerprint);
    f(12, r.message_id);
    f(13, r.question);
    f(14, r.language);
    f(15, r.wrap_salt);
    f(16, r.wrapped_key);
    f(17, r.received_ms);
    f(18, r.expires_ms);
    f(19, r.answer_exposed);
    f(20, r.warnings);
    f(21, r.attempts_left);
    f(22, r.notices);
    f(23, r.attachments);
    f(24, r.content);
    f(25, r.wants_notices);
    f(26, r.once_key);
}

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, IdempotencyRecord>
void fields(F& f, R& r)
{
    f(1, r.at_ms);
    f(2, r.what);
}

namespace {

template <class Record>
Result<Record> decode_as(std::string_view bytes, const char* what)
{
    Record record;
    if (!decode_fields(bytes, record))
        return fail(temporary(std::string("store: a record does not decode: ") + what));
    return record;
}

}  // namespace

std::string encode(const MessageRecord& r)
{
    return encode_fields(r);
}
std::string encode(const DocumentRecord& r)
{
    return encode_fields(r);
}
std::string encode(const RecordDocument& r)
{
    return encode_fields(r);
}
std::string encode(const OutboxEntry& r)
{
    return encode_fields(r);
}
std::string encode(const SettledRecord& r)
{
    return encode_fields(r);
}
std::string encode(const HeldRecord& r)
{
    return encode_fields(r);
}
std::string encode(const IdempotencyRecord& r)
{
    return encode_fields(r);
}
std::string encode(const FetchedRecord& r)
{
    return encode_fields(r);
}
Result<MessageRecord> decode_message(std::string_view b)
{
    return decode_as<MessageRecord>(b, "message");
}
Result<DocumentRecord> decode_document(std::string_view b)
{
    return decode_as<DocumentRecord>(b, "document");
}
Result<RecordDocument> decode_record_document(std::string_view b)
{
    return decode_as<RecordDocument>(b, "document of a record");
}
Result<OutboxEntry> decode_outbox(std::string_view b)
{
    return decode_as<OutboxEntry>(b, "outbox");
}
Result<SettledRecord> decode_settled(std::string_view b)
{
    return decode_as<SettledRecord>(b, "settled");
}
Result<HeldRecord> decode_held(std::string_view b)
{
    return decode_as<HeldRecord>(b, "held");
}
Result<IdempotencyRecord> decode_idempotency(std::string_view b)
{
    return decode_as<IdempotencyRecord>(b, "idempotency");
}
Result<FetchedRecord> decode_fetched(std::string_view b)
{
    return decode_as<FetchedRecord>(b, "fetched");
}

std::string new_id()
{
    return random_bytes(id_size);
}

std::string be32(std::uint32_t n)
{
    std::string out(4, '\0');
    for (int i = 3; i >= 0; --i, n >>= 8) out[static_cast<std::size_t>(i)] = static_cast<char>(n & 0xff);
    return out;
}

std::string be64(std::uint64_t n)
{
    return be32(static_cast<std::uint32_t>(n >> 32)) + be32(static_cast<std::uint32_t>(n));
}

std::uint64_t read_be64(std::string_view bytes)
{
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i) n = n << 8 | static_cast<unsigned char>(bytes[i]);
    return n;
}

std::uint32_t read_be32(std::string_view bytes)
{
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < 4 && i < bytes.size(); ++i) n = n << 8 | static_cast<unsigned char>(bytes[i]);
    return n;
}

std::string inner_key(std::string_view part_key, std::uint32_t inner)
{
    return std::string(part_key) + be32(inner);
}

std::string part_key(std::string_view message_id, std::uint32_t part)
{
    return std::string(message_id) + be32(part);
}

std::string item_key(std::string_view message_id, std::uint32_t part, std::uint32_t number)
{
    return part_key(message_id, part) + be32(number);
}

const char* table_name(Table table)
{
    switch (table) {
        case Table::meta:
            return "meta";
        case Table::audit:
            return "audit";
        case Table::idempotency:
            return "idempotency";
        case Table::message:
            return "message";
        case Table::document:
            return "document";
        case Table::item:
            return "item";
        case Table::pending:
            return "pending";
        case Table::held:
            return "held";
        case Table::held_by:
            return "held_by";
        case Table::outbox:
            return "outbox";
        case Table::outbox_due:
            return "outbox_due";
        case Table::quota:
            return "quota";
        case Table::message_by:
            return "message_by";
        case Table::content:
            return "content";
        case Table::notice:
            return "notice";
        case Table::settled:
            return "settled";
        case Table::fetched:
            return "fetched";
        case Table::bundle:
            return "bundle";
        case Table::leg:
            return "leg";
        case Table::owed_notice:
            return "owed_notice";
        case Table::watch:
            return "watch";
        case Table::watch_due:
            return "watch_due";
        case Table::record_doc:
            return "record_doc";
        case Table::doc_by:
            return "doc_by";
        case Table::item_by:
            return "item_by";
    }
    return "unknown";
}

}  // namespace direct
