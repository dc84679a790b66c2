// reading.cpp - see reading.h.
#include "milter/records/reading.h"

#include "milter/audit/audit.h"

namespace direct::verbs {

Status remember_reading(const Context& c, const std::string& event, const std::string& message_id,
                        const std::string& recipient, std::string detail)
{
    AuditEntry entry;
    entry.at = c.clock.now();
    entry.event = event;
    entry.who = c.caller.name;
    entry.from_host = "local";
    entry.message_id = message_id;
    entry.recipient = recipient;
    entry.token = "ok";
    entry.detail = std::move(detail);
    return audit_now(c.store, std::move(entry));
}

}  // namespace direct::verbs
