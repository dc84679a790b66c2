// place_rows.h - the rows of documents in one record, and what a document is known by there. For placement.cpp only.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "milter/items/placement.h"

namespace direct {

bool is_replacing(const RelatedDocument& r);  ///< RPLC or APND

/// Documents that repeat one.
struct Repeats {
    std::vector<RecordDocument> rows;
    bool all = true;  ///< false: there are more than may be read
};

/// One record within a transaction. What is read and written is counted in `work`.
class PlaceRows {
public:
    PlaceRows(WriteTxn& txn, const RecordStore& store, std::string_view record, PlacingWork& work)
        : txn_(txn), store_(store), record_(record), work_(work)
    {
    }

    /// Fault: it cannot be opened or read.
    Result<std::optional<RecordDocument>> row(std::string_view document);
    /// A neighbour's: nothing too when it cannot be opened. It must keep no other from being placed; what it says of others
    /// is not believed, so that more is shown, not less.
    std::optional<RecordDocument> readable_row(std::string_view document);
    /// The row with all it is known by.
    Status put(const RecordDocument& d);
    /// The row alone: nothing it is known by has changed.
    Status put_row(const RecordDocument& d);
    Status erase(const RecordDocument& d);
    /// A document that was current: its row says by whom it has been replaced.
    Status put_superseded(RecordDocument& d, const std::string& by);

    /// Prefixes of what those are known by that may have to do with it.
    std::set<std::string> neighbour_keys(const RecordDocument& d) const;
    /// Documents under a prefix; one more than `most` tells that there are more.
    Result<std::vector<std::string>> under(const std::string& prefix, std::size_t most = neighbours_max);
    /// Those that a document superseded, or one it stands for.
    Result<std::vector<std::string>> superseded_by(const std::string& document, std::size_t most);
    /// Those that repeat a document, or repeated one whose place it took, but those that are leaving as well: as many as
    /// may still be read.
    Result<Repeats> repeats_of(const RecordDocument& of);
    /// That a document was superseded by another is forgotten, its row is left as it is.
    Status forget_superseded(const std::string& document, const std::string& by);

    /// The attachment is to be read again, so that the document has items of its own. False: it is gone.
    Result<bool> read_again(const std::string& document);

    PlacingWork& work() { return work_; }

private:
    std::string by_key(char what, std::string_view text) const;
    std::vector<std::string> own_keys(const RecordDocument& d) const;
    Status write(Table table, const std::string& key, const std::string& value);

    WriteTxn& txn_;
    const RecordStore& store_;
    const std::string record_;
    PlacingWork& work_;
};

}  // namespace direct
