// once.h - the row that says that a thing was done already (idempotency, 10 days). Thread safe.
#pragma once
#include <initializer_list>
#include <string>

#include "milter/base/address.h"
#include "milter/base/clock.h"
#include "milter/store/record_store.h"

namespace direct {

/// Key of one thing for one recipient.
/// @param kind     what is made: "leg", "held", "processed", ...
/// @param content  digest or id that tells this thing from another one like it
std::string once_key(const RecordStore& store, const std::string& kind, const std::string& message_id,
                     const std::string& from, const std::string& recipient, const std::string& content);

/// Inside write(): true the first time within 10 days.
Result<bool> first_time(WriteTxn& txn, const std::string& key, const std::string& what, Time now);

/// The key form of an address, or the text when it is none: one mailbox spelled in two ways is one recipient.
std::string same_mailbox(const std::string& address);

}  // namespace direct
