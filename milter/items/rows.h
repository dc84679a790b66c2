// rows.h - many rows without one transaction that is too large for the store. Thread safe.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/store/record_store.h"

namespace direct {

inline constexpr std::size_t batch_bytes =
    2u << 20;  ///< of items in one transaction (the store's own bound is 4 MB)
inline constexpr std::size_t batch_rows = 2000;

/// Rows to be put, batch by batch. What was flushed before a fault stays.
class RowBatch {
public:
    /// @param attachment  whose rows they are: when its own is gone, its time has passed and nothing is written any more,
    ///                    so that nothing is left behind whoever removes it has been by. Borrowed
    RowBatch(RecordStore& store, const std::string& attachment) : store_(store), attachment_(attachment) {}
    Status put(Table table, std::string key, std::string value);
    /// Content of a row of this batch; borrowed until the next flush.
    void attach(PreparedContent& content) { contents_.push_back(&content); }
    Status flush();
    bool is_gone() const { return gone_; }  ///< the attachment, at the last flush

private:
    struct Row {
        Table table;
        std::string key, value;
    };
    RecordStore& store_;
    const std::string& attachment_;
    bool gone_ = false;
    std::vector<Row> rows_;
    std::vector<PreparedContent*> contents_;
    std::size_t bytes_ = 0;
};

/// Erases every row with this prefix, batch by batch. What is left after a fault can be erased again.
Status erase_rows(RecordStore& store, Table table, std::string_view prefix);

/// Told inside the transaction that removes rows by their keys as they cannot be opened any more: what they are and how
/// many, so that it is told once. May run more than once.
using TellUnreadable = std::function<Status(WriteTxn& txn, std::string_view what, std::size_t count)>;

/// Erases the items of a message or an attachment with the rows that lead to them from these records. For items that
/// cannot be opened the whole index is looked through, as nobody knows any more which rows lead to them.
/// What is left after a fault can be erased again.
Status erase_items(RecordStore& store, const std::vector<std::string>& records, std::string_view prefix,
                   const TellUnreadable& tell = {});

/// Erases the rows of an index whose keys are from byte `at` on this, or begin with it there. Looks at every key of the
/// table, in slices; for what is found no other way.
Status erase_keys_with(RecordStore& store, Table table, std::size_t at, std::string_view what, bool whole);

/// Content that a record names; also when what says how it lies cannot be opened (a file is then swept later).
Status erase_content_or_key(WriteTxn& txn, const std::string& id);

}  // namespace direct
