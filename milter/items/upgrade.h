// upgrade.h - a store written by a program with another index of items, or with none. Thread safe.
#pragma once
#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

/// Makes every document be read again when the store's index is of another version than item_index.h tells;
/// one look at the store otherwise. Until a document has been read its items are not shown. May be cut off:
/// the next call begins again. A row that cannot be read is logged and left as it is. Fault: temporary.
Status upgrade_items(RecordStore& store);

}  // namespace direct
