// inbound_parts.h - steps of opening a message that need nothing of it but what they are given. Used by inbound only. Pure but for
// the memory handed in; thread safe.
#pragma once
#include <string>
#include <string_view>

#include "milter/base/reason.h"
#include "milter/smime/smime.h"

namespace direct {

/// Why no signature is good, told of the one that came furthest.
Reason best_signer_fault(const Verified& verified);

/// The inner message in the memory in which it was decrypted: a large one is not copied once more.
/// @param inside          a view into `clear` or `content`; the one it lies in is taken, the rest of it cleansed
std::string keep_only(std::string_view inside, std::string& clear, std::string& content);

}  // namespace direct
