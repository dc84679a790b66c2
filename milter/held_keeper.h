// held_keeper.h - what becomes of held records by time alone: their end is told to their senders, what has ended is purged, and
// a notice that was taken back with a record that has ended is written anew for the others it told of.
//
// Called by NoticeMaker's thread. Source: pick-up manual "Expiry". Thread safe.
#pragma once
#include <optional>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct {

struct House;

/// Does what is due, at most 100 of each kind. Fault: temporary; what was done by then stays done.
Status look_after_held(House& house);
/// When there is something to do again; nothing when nothing waits. May lie in the past.
Result<std::optional<Time>> next_held_work(House& house);

}  // namespace direct
