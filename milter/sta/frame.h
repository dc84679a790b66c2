// frame.h - the bytes inside an envelope that no signature covers.
//
// CBC hides content but does not hold it together: whoever has a recorded message can put blocks of its content where
// nothing is signed (a preamble, a header field of the signature's part) and leave the signed part whole. If we took some
// such messages and refused others, our answer would tell about the bytes moved there, one guess after the other
// (O3, O4, C14). So everything outside the signed part is held to printable ASCII, a preamble to words: a
// moved block drags along a neighbour that turns into noise, and noise is refused whatever was moved.
// Pure function, thread safe.
#pragma once
#include <string_view>

#include "milter/base/result.h"
#include "milter/mime/message.h"

namespace direct {

/// The frame around a detached signature. `parts` are views into `clear`. Fault: malformed.
Status check_frame(std::string_view clear, const Entity& multipart_signed, const SignedParts& parts);

/// The frame around an opaque signature: its header, and that its body is base64 and nothing else. Fault: malformed.
Status check_frame(const Entity& opaque_signed);

}  // namespace direct
