#include "milter/notify/once.h"

#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {

std::string once_key(const RecordStore& store, const std::string& kind, const std::string& message_id,
                     const std::string& from, const std::string& recipient, const std::string& content)
{
    std::string text;
    for (const auto& part : {kind, message_id, from, same_mailbox(recipient), content})
        append_field(text, 1, part);
    return store.index_key("idempotency", text);
}

Result<bool> first_time(WriteTxn& txn, const std::string& key, const std::string& what, Time now)
{
    IdempotencyRecord row;
    row.at_ms = now.time_since_epoch().count();
    row.what = what;
    return txn.insert(Table::idempotency, key, encode(row));
}

std::string same_mailbox(const std::string& address)
{
    auto parsed = parse_address(address, true, true);
    return parsed ? parsed->key() : address;
}

}  // namespace direct
