// owe_again.h - attachments that are read again, with everything inside: for a new form of the index, or because somebody
// asks for it once a plugin has been mended.
//
// An attachment only becomes pending here. What an earlier reading found goes when the new one is settled (settle.h): in
// the records documents are placed anew, those found no more leave, and what they had replaced is there again.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/result.h"
#include "milter/store/record_store.h"

namespace direct {

enum class Refusals : unsigned char { stay, end };  ///< of plugin versions that died of the attachment

struct OwedAgain {
    std::size_t looked_at = 0;  ///< of those given, from the first on: as many as one transaction takes
    std::size_t owed = 0;       ///< of these
};
/// A damaged row is told in the log and left: it must not keep all others from being read; one that has expired is passed over.
Result<OwedAgain> owe_again(RecordStore& store, const std::vector<std::string>& attachments,
                            Refusals refusals);

/// Document rows one look goes through at most, so that the store's one writer and readers are not kept for long.
inline constexpr std::size_t reparse_rows_max = 2000;

struct Reparsed {
    std::size_t owed = 0;
    std::string next;  ///< key to go on from; "" = that was all
};
/// All attachments of a message, or those of all messages that a plugin failed on; one page of them.
/// @param message  its id; "" = of all messages
/// @param plugin   "ccda" or "ccda 1.0": only where it, or this version, crashed, hung, or found a document malformed or
///                 beyond a limit, inner documents included; "" = all
/// @param from     "", or `next` of the page before
/// Fault: temporary; what was owed before it stays so
Result<Reparsed> reparse(RecordStore& store, std::string_view message, std::string_view plugin,
                         std::string_view from);

}  // namespace direct
