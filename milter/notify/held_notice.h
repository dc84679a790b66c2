// held_notice.h - the pick-up notices of one contact that may still lie in the outbox, and taking them back when a record has
// ended: nobody is told of what he cannot pick up any more.
//
// A notice that tells of other records too is owed anew for those that still wait: Table::held_by keeps 'n' | held id until
// the daemon has written it (its words need templates, which no transaction waits for). Inside write() or read(); thread safe.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/clock.h"
#include "milter/store/record_store.h"
#include "milter/store/schema.h"

namespace direct {

/// Table::notice, one row per contact.
struct NoticeRow {
    std::int64_t last_ms = 0;          ///< when the latest notice is due, or was
    std::vector<std::string> entries;  ///< outbox ids of notices that may still be there
};
std::string encode(const NoticeRow& row);
/// Fault: temporary (damaged).
Result<NoticeRow> decode_notice_row(std::string_view bytes);
/// The key of a contact's row.
std::string notice_row_key(const RecordStore& store, const std::string& contact);

/// Does the record wait for somebody who may still be told of it?
bool still_waits(const HeldRecord& record);

/// Inside write(): what tells of the record leaves the outbox, tried before or not.
Status take_back_notices(WriteTxn& txn, const RecordStore& store, const HeldRecord& record);

/// A record whose notice was taken back with another's.
struct NoticeOwedAgain {
    std::string held_id;
    Time due{};  ///< when the one taken back would have gone
};
/// At most `most`.
Result<std::vector<NoticeOwedAgain>> notices_owed_again(RecordStore& store, std::size_t most);
/// Inside write(): false when somebody else has done it meanwhile.
Result<bool> take_owed_again(WriteTxn& txn, const NoticeOwedAgain& one);

}  // namespace direct
