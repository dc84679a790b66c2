// record_rows.h - inside this room only: messages and documents as JSON, and what a name given by an
// administrator means. Who includes it includes nlohmann/json.hpp.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "milter/base/address.h"
#include "milter/records/verbs.h"
#include "milter/store/schema.h"

namespace direct::verbs {

Json message_row(const MessageRecord& r);
/// `whole`: with the document object and what was skipped, which tell about a person.
Json document_row(const DocumentRecord& r, bool whole);
/// {"message":..., "part":..., "inner":...}
Json document_name(std::string_view document_key);
/// What a document is in the record of each recipient of its message.
Result<Json> places_of(ReadTxn& txn, const RecordStore& store, const MessageRecord& message,
                       std::string_view document_key);
/// In every record that has it, it has been replaced.
Result<bool> is_superseded(ReadTxn& txn, const RecordStore& store, const MessageRecord& message,
                           std::string_view document_key);

/// One message by its id or Message-ID (the newest, `also` the others), else the mailbox of an address that has
/// received any. Neither: not found.
struct NamedRecord {
    std::optional<MessageRecord> message;
    std::vector<MessageRecord> also;
    std::optional<Address> mailbox;
    explicit operator bool() const { return message || mailbox; }
};
Result<NamedRecord> named_record(const Context& c, const std::string& given);
Reply no_such_record();
/// Prefix of a mailbox's rows in Table::message_by, oldest message first.
std::string mailbox_prefix(const RecordStore& store, const Address& mailbox);

}  // namespace direct::verbs
