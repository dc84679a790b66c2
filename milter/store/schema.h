// schema.h - what lies in each table: the records, and their keys byte by byte.
//
// Numbers in keys are big-endian, so that key order is number order. Ids are 16 random bytes. A record
// is written field by field with codec.h (field number, length, bytes): a reader skips fields it does
// not know, a missing field keeps its default, so a record only ever grows.
//
//   table        key
//   meta         ASCII name: "schema", "keycheck", "audit-head"
//   audit        u64 sequence (from 1)
//   idempotency  16 bytes of index_key("idempotency", ...)
//   message      16 bytes message id
//   document     16 bytes message id | u32 part                an attachment
//                16 bytes message id | u32 part | u32 inner    a document inside it (package), inner from 1
//   item         16 bytes message id | u32 part | u32 number
//   pending      16 bytes message id | u32 part
//   held         16 bytes held id
//   held_by      'c' | index_key("code", code)            -> held id
//                'e' | index_key("contact", address) | held id -> nothing
//                'm' | index_key("message-id", Message-ID) | held id -> nothing
//                'x' | u64 expires ms | held id -> nothing
//                'p' | u64 ended ms | held id -> nothing: its content waits to be purged
//                'n' | held id -> u64 due ms of the notice that is owed anew
//   outbox       16 bytes outbox id
//   outbox_due   u64 due ms | 16 bytes outbox id
//   quota        index_key("quota", "sender "|"contact " text) | u32 day
//   message_by   'm' | index_key("message-id", Message-ID) | message id -> nothing
//                'r' | index_key("recipient", address key) | u64 received ms | message id -> nothing
//   content      16 bytes content id
//   notice       index_key("contact", address)
//   settled      16 bytes outbox id
//   fetched      index_key("fetched", what is fetched, a blank, the URL)
//   bundle       not used
//   leg          16 bytes envelope id
//   owed_notice  u64 due ms | 16 bytes id
//   watch        index_key("message-id", Message-ID) | index_key("recipient", address key) [| index_key("sender", From): a second sender]
//   watch_due    u64 due ms | watch key
//   record_doc   16 bytes record | document key
//   doc_by       16 bytes index_key("document-by", record | what) | document key    -> nothing
//                what: a letter and a text: 'h' SHA-256 of its bytes, 'i' id, 's' setId,
//                'n' id it replaces or appends to, 'N' setId of the same, 'r' document it repeats, 'o' that superseded it
//   item_by      16 bytes index_key("items-of", record | view) | u64 time | item key  -> u32 inner
//                view: 'a', or 's' section, or 'c' code. time: see milter/items/item_index.h
// A record is today the mailbox of one recipient: index_key("record", address key), 16 bytes.
// Pure functions, thread safe.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

inline constexpr std::uint64_t schema_number = 1;
inline constexpr std::size_t id_size = 16;

std::string new_id();  ///< 16 random bytes
std::string be32(std::uint32_t n);
std::string be64(std::uint64_t n);
std::string part_key(std::string_view message_id, std::uint32_t part);
/// Key of a document inside an attachment. inner > 0.
std::string inner_key(std::string_view part_key, std::uint32_t inner);
std::string item_key(std::string_view message_id, std::uint32_t part, std::uint32_t number);
std::uint64_t read_be64(std::string_view bytes);  ///< of the first 8 bytes
std::uint32_t read_be32(std::string_view bytes);  ///< of the first 4 bytes
inline constexpr std::size_t part_key_size = id_size + 4, inner_key_size = id_size + 8,
                             item_key_size = id_size + 8;
const char* table_name(Table table);
inline constexpr std::uint8_t table_count = 25;  ///< tables are numbered 1..table_count

/// One message we have taken: what is needed to find its documents and tell its story; no content.
struct MessageRecord {
    std::string id;                       ///< 16 bytes
    std::string message_id;               ///< inner Message-ID with <>
    std::string sender;                   ///< verified From
    std::vector<std::string> recipients;  ///< accepted local recipients
    std::string queue_id;
    std::int64_t received_ms = 0;
    std::string signer_fingerprint;     ///< hex SHA-256 of the certificate
    std::string kind;                   ///< "mailbox" | "held"
    std::int64_t items_until_ms = 0;    ///< 0 = kept
    std::vector<std::string> warnings;  ///< W1.. and "unwrapped", "tampered"
    std::string sender_organisation;    ///< O of the signer's certificate; may be empty
    std::vector<std::string> references,
        in_reply_to;  ///< Message-IDs it names: the conversation it belongs to
};

/// One attachment of a message, or a document inside one. state: pending | parsed | file | malformed | limit |
/// crashed | timeout
struct DocumentRecord {
    std::string message_id;  ///< 16 bytes
    std::uint32_t part = 0;
    std::string filename, declared_type, kind, state, plugin, detail;
    ContentRef content;                   ///< the attachment, byte for byte
    std::uint32_t items = 0;              ///< found in it; they are rows unless every record has them already
    std::string summary;                  ///< JSON "document" object of directctl parse, without narratives
    std::string skipped;                  ///< JSON array
    std::vector<std::string> refused_by;  ///< "ccda 1.0": plugin versions this document killed
    std::uint32_t tries = 0;
    std::string charset;      ///< charset parameter of the part, a hint for the parser
    std::uint32_t inner = 0;  ///< 0: the attachment itself; else its number inside of it
    std::uint32_t first_item =
        1;                   ///< number of its first item row; those of an attachment are numbered through
    ContentRef whole;        ///< the "document" object with its narratives, when summary is not all of it
    std::string container;   ///< JSON: what the package says of an inner document
    std::string sha256;      ///< 32 bytes, of an inner document's bytes; they lie in the package
    std::uint64_t size = 0;  ///< bytes of an inner document
};

/// A document named by another: relatedDocument of CDA (typeCode RPLC or APND).
struct RelatedDocument {
    std::string type;
    std::vector<std::string> ids;  ///< "root^extension"
    std::string set_id;
    std::int64_t version = -1;  ///< -1: not told
};

/// What a document is in one record, and what its neighbours there are judged by.
/// state: current | repeats | superseded
struct RecordDocument {
    std::string document;  ///< its key
    std::string state;
    std::string other;               ///< key of the document it repeats, or that superseded it
    std::string appends;             ///< key of the document it is an addendum to; may be empty
    std::vector<std::string> notes;  ///< why a neighbour it names stays: "other-sender", "other-patient", ...
    std::string sha256, digest;      ///< of its bytes; of what was read out of it. 32 bytes
    std::string id, set_id;
    std::int64_t version = -1;         ///< -1: none
    std::vector<std::string> patient;  ///< "i" and id, "n" and name and birth time
    std::string domain, organisation;  ///< of the verified sender
    std::vector<RelatedDocument> related;
    std::int64_t received_ms = 0;
    std::vector<std::string> inherits;  ///< keys of gone documents whose repeats it stands for
};

/// Mail we owe. state: waiting | sending | failed (settled ones are removed, see SettledRecord).
struct OutboxEntry {
    std::string id;             ///< 16 bytes
    std::string kind;           ///< clear-leg | sealed-leg | plain-leg | pickup-notice | failure-dsn | mdn
    std::string envelope_from;  ///< "" = null sender
    std::string envelope_id;    ///< ENVID token, hex
    std::vector<std::string> recipients;  ///< still to be handed over
    std::string notify;                   ///< NOTIFY value: "SUCCESS,FAILURE" | "FAILURE" | "NEVER"
    ContentRef content;                   ///< the message as it will be sent
    std::string message_id;               ///< 16 bytes of MessageRecord or held id; may be empty
    std::string queue_id;                 ///< of the message that caused it
    std::int64_t created_ms = 0, due_ms = 0;
    std::uint32_t tries = 0;
    std::string state = "waiting";
    std::string last_answer;  ///< SMTP answer of the last try, for the admin
};

/// What became of an outbox entry.
struct SettledRecord {
    std::string kind, envelope_id, answer, message_id;
    std::vector<std::string> taken;    ///< recipients answered 250
    std::vector<std::string> refused;  ///< "address answer"
    std::int64_t at_ms = 0;
};

struct NoticeLogEntry {
    std::int64_t at_ms = 0;
    std::string what;  ///< queued | sent | failed | reminder; how the record ended
};

struct HeldAttachment {
    std::string filename, declared_type, kind, sha256;
    std::uint64_t size = 0;
};

/// A message that waits for a person. Never in here: the answer, the original subject line.
struct HeldRecord {
    std::string id;              ///< 16 bytes
    std::string code;            ///< pick-up code, 20 characters without separators
    std::string state = "held";  ///< states of the pick-up manual
    std::string environment, domain, newuser_address;
    std::string contact, display_name;  ///< where the notice goes; as typed
    std::string sender, sender_organisation, sender_fingerprint;
    std::string message_id;  ///< inner Message-ID
    std::string question;    ///< "" = the contact address is asked for
    std::string language;
    std::string wrap_salt, wrapped_key;  ///< scrypt salt; AES-256-GCM wrap of the content key
    std::int64_t received_ms = 0, expires_ms = 0;
    bool answer_exposed = false;  ///< W2 or W4
    std::vector<std::string> warnings;
    std::uint32_t attempts_left = 3;
    std::vector<NoticeLogEntry> notices;
    std::vector<HeldAttachment> attachments;
    ContentRef content;         ///< sealed under the record's own key
    bool wants_notices = true;  ///< its sender hears what becomes of it: not for mail nobody may answer (E12)
    std::string once_key;  ///< the row that makes a repeat of that message harmless; gone once it has failed
};

/// What a server answered, kept until something newer is had (policy/discovery/fetch_cache.h).
struct FetchedRecord {
    std::string etag, last_modified;
    ContentRef content;         ///< the body; none: nothing good has been had so far
    std::int64_t good_ms = 0;   ///< when the content was had, or confirmed by a 304
    std::int64_t fresh_ms = 0;  ///< until when it is used unasked
    std::int64_t used_ms = 0;   ///< the day it was last asked for, about
};

/// That a thing was done already. Swept 10 days after at_ms.
struct IdempotencyRecord {
    std::int64_t at_ms = 0;
    std::string what;  ///< id of what was made, or a word; for the admin
};

std::string encode(const MessageRecord&);
std::string encode(const DocumentRecord&);
std::string encode(const RecordDocument&);
std::string encode(const OutboxEntry&);
std::string encode(const SettledRecord&);
std::string encode(const HeldRecord&);
std::string encode(const IdempotencyRecord&);
std::string encode(const FetchedRecord&);
Result<MessageRecord> decode_message(std::string_view bytes);
Result<DocumentRecord> decode_document(std::string_view bytes);
Result<RecordDocument> decode_record_document(std::string_view bytes);
Result<OutboxEntry> decode_outbox(std::string_view bytes);
Result<SettledRecord> decode_settled(std::string_view bytes);
Result<HeldRecord> decode_held(std::string_view bytes);
Result<IdempotencyRecord> decode_idempotency(std::string_view bytes);
Result<FetchedRecord> decode_fetched(std::string_view bytes);

}  // namespace direct
