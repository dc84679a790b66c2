// reading.h - the entry in the audit that comes before anything a document says is handed out. Inside this room only.
#pragma once
#include <string>

#include "milter/records/verbs.h"

namespace direct::verbs {

/// Nothing is shown that is not in the audit: on a fault (temporary) the verb answers with it. Each page and piece has an
/// entry of its own, for whoever asks may begin anywhere. The code somebody looked for may be a diagnosis: it is not told.
/// @param event      "record-show" | "record-export"
/// @param recipient  whose mail it is: a mailbox, or the recipients of the message
Status remember_reading(const Context& c, const std::string& event, const std::string& message_id,
                        const std::string& recipient, std::string detail);

}  // namespace direct::verbs
