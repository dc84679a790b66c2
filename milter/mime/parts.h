// parts.h - the attachments and the readable body of a message. Limits as in message.h. Thread safe.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "milter/mime/message.h"

namespace direct {

/// One leaf that is an attachment: everything but the readable text/plain and text/html body parts.
struct Attachment {
    std::uint32_t part = 0;     ///< 1-based number among all leaves in document order; stable
    std::string filename;       ///< decoded, UTF-8, no path, no controls; may be empty
    std::string declared_type;  ///< "application/xml", lower case
    std::string charset;        ///< charset parameter or ""
    std::string bytes;          ///< decoded, byte for byte
};

/// Calls `take` for each attachment in order; stops when it returns false. A text part with a file name
/// or disposition attachment, or that is an XML document (sniff.h), is an attachment. message/rfc822 parts
/// are opened (limits.mime_depth). One attachment is in memory at a time. What `take` got before a fault
/// stays taken. Fault: malformed: broken headers, multipart without parts, a body that breaks the rules of
/// its transfer encoding, limits, an encoded message inside an encoded message.
Status for_each_attachment(std::string_view message, const MimeLimits& limits,
                           const std::function<bool(Attachment&&)>& take);

}  // namespace direct
