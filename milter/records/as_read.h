// as_read.h - which attachments of a message have been read, and for which time: so that lists asked for one after the
// other, and page by page, tell of one state of it though the parsers go on meanwhile. Inside this room only.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "milter/records/verbs.h"
#include "milter/store/schema.h"

namespace direct::verbs {

class AsRead {
public:
    /// @param given  what an earlier answer had as "as_read"; "" = as it is now
    /// Fault: input; temporary (an attachment it names is being read again, so that what was read then is gone)
    static Result<AsRead> of(ReadTxn& txn, std::string_view message_id, std::string_view given);

    /// Its documents and items may be told. Otherwise it waits, whatever an earlier reading has left of it.
    bool has(std::uint32_t part) const { return readings_.contains(part); }
    std::string text() const;  ///< "part.reading" each; "-" for none

private:
    using Readings = std::map<std::uint32_t, std::uint32_t>;
    static Result<Readings> now(ReadTxn& txn, std::string_view message_id);
    static std::optional<Readings> parse(std::string_view text);

    Readings readings_;
};

/// Bytes of an "as_read" that is taken.
inline constexpr std::size_t as_read_max = 32 * 1024;

/// A row of a document that waits: nothing of what an earlier reading found in it.
DocumentRecord waiting(DocumentRecord row);

}  // namespace direct::verbs
