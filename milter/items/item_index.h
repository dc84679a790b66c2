// item_index.h - the items of a record by section, by code and by time, newest first.
//
// An item lies once, under its document; the index holds a row for each way to find it, per record that has
// it. What a document is in a record (current, superseded) is asked of Table::record_doc when rows are read,
// so that replacing a document is one row, however many items it has.
//
// What the keys give away to a thief without store.key: how many documents and items a nameless record has,
// how many ways lead to an item, and in what order and at what distance from each other items happened. Not
// who, not which section, not which code; the same code has another key in every record. Moments are shifted
// by a secret span of each record: one event whose date is known from elsewhere gives the others away. Order
// without that would need all of a record opened for each page of it. Values are sealed.
// Thread safe.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/clock.h"
#include "milter/items/item_facts.h"
#include "milter/store/record_store.h"

namespace direct {

/// The index of an earlier program is made anew when this is another number (upgrade.h).
inline constexpr std::uint32_t item_index_version = 3;

/// Today a record is what came to one mailbox. 16 bytes.
std::string record_key(const RecordStore& store, const Address& mailbox);
/// The records a message went to; an address that does not read is none.
std::vector<std::string> record_keys(const RecordStore& store, const std::vector<std::string>& recipients);

/// The keys of one item's rows in a record. Always the same for the same item: erasing makes them again.
std::vector<std::string> index_rows(const RecordStore& store, std::string_view record,
                                    std::string_view item_key, const ItemFacts& facts);

struct ItemQuery {
    std::string record;                ///< record_key()
    std::string section;               ///< "" = every one
    std::string code, system;          ///< "" = every one; a system only with a code
    std::optional<Time> since, until;  ///< since <= time < until; items without a time are then left out
    bool superseded = false;           ///< also items of documents that have been replaced
};

struct FoundItem {
    std::string row;       ///< where it stands in this query's order
    std::string key;       ///< its row in Table::item
    std::string document;  ///< key of its document
    std::string json;
    bool superseded = false;
    bool damaged =
        false;  ///< it, or what leads to it, cannot be opened: no json, and what else is unknown is left out
};

/// Newest first by beginning; items without a time at the end. Items of documents in work are left out. A damaged one may
/// be what was asked for, and keeps no other from being found.
/// @param from   row to begin with, "" = the first
/// @param visit  returns false to stop
Status find_items(ReadTxn& txn, const RecordStore& store, const ItemQuery& query, std::string_view from,
                  const std::function<bool(const FoundItem&)>& visit);

}  // namespace direct
