// mend.h - a document's place in a record whose row cannot be opened any more (damage on the disk). Thread safe.
#pragma once
#include <string>

#include "milter/items/rows.h"
#include "milter/store/record_store.h"

namespace direct {

/// Makes the row of a place anew, so that the document can leave it like any other: what it had superseded comes back,
/// and what repeated it, or a gone document it stood for, finds somebody else. What it was known by goes from the index.
/// Looks at every row of the record; changes nothing when the row can be opened or is gone.
/// @param place  record | document
/// Fault: temporary; may be called again.
Status mend_place(RecordStore& store, const std::string& place, const TellUnreadable& tell = {});

}  // namespace direct
