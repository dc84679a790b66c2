// rows.h - many rows without one transaction that is too large for the store. Thread safe.
#pragma once
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

/// Erases the items of a message or an attachment with the rows that lead to them from these records.
/// What is left after a fault can be erased again.
Status erase_items(RecordStore& store, const std::vector<std::string>& records, std::string_view prefix);

}  // namespace direct
