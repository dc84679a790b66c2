// mend.cpp - see mend.h.
#include "milter/items/mend.h"

#include <set>
#include <vector>

#include "milter/items/placement.h"
#include "milter/store/schema.h"

namespace direct {
namespace {

constexpr std::size_t record_size = 16;
constexpr std::size_t document_at = 16;  // in a key of doc_by

bool can_be_read(ReadTxn& txn, const std::string& place)
{
    return placed(txn, place.substr(0, record_size), place.substr(record_size)).has_value();
}

/// Gone documents that are still repeated though no row says who stands for them: one that cannot be opened did.
Status find_unanswered(ReadTxn& txn, const std::string& record, std::set<std::string>& carriers)
{
    std::set<std::string> known;
    CHECK(txn.keys(Table::record_doc, record, record, [&](std::string_view key) {
        const std::string document(key.substr(record.size()));
        known.insert(document);
        const auto row = placed(txn, record, document);
        if (!row || !*row) return true;
        known.insert((*row)->inherits.begin(), (*row)->inherits.end());
        if ((*row)->state == "repeats") carriers.insert((*row)->other);
        return true;
    }));
    std::erase_if(carriers, [&](const auto& carrier) { return known.contains(carrier); });
    return Done{};
}

}  // namespace

Status mend_place(RecordStore& store, const std::string& place, const TellUnreadable& tell)
{
    RecordDocument blank;
    blank.document = place.substr(record_size);
    blank.state = "current";
    std::set<std::string> carriers;
    CHECK(store.read([&](ReadTxn& txn) {
        carriers.clear();
        return find_unanswered(txn, place.substr(0, record_size), carriers);
    }));
    for (const auto& carrier : carriers)
        if (blank.inherits.size() < inherits_max) blank.inherits.push_back(carrier);
    CHECK(erase_keys_with(store, Table::doc_by, document_at, blank.document, true));
    return store.write_making_room([&](WriteTxn& txn) -> Status {
        if (can_be_read(txn, place)) return Done{};
        if (tell) CHECK(tell(txn, "places", 1));
        return txn.put(Table::record_doc, place, encode(blank));
    });
}

}  // namespace direct
