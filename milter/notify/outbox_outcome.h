// outbox_outcome.h - what one try to hand over an entry brought, and what it makes of the entry. For the sender only.
#pragma once
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/notify/outbox.h"

namespace direct {

/// What one try brought, in the words of the store.
struct Outcome {
    std::string id;
    std::vector<std::string> taken, refused;  // refused: "address answer"
    std::vector<std::string> done;            // addresses of both
    std::string answer;                       // for the admin
    bool unreadable = false;
};

Outcome outcome_of(const OutboxEntry& entry, const HandOverResult& result);
/// Inside write(): the settled record, and the entry as it stands now with what the try brought (it may have been
/// changed or removed meanwhile). `after` is what is left of it; its id is empty when nothing is.
Status apply_outcome(WriteTxn& txn, const RecordStore& store, const OutboxEntry& tried,
                     const Outcome& outcome, const Settings& settings, std::int64_t now_ms,
                     OutboxEntry& after);
/// One log line and the counters for one try.
void report_outcome(const OutboxEntry& tried, const Outcome& outcome, const OutboxEntry& after);

}  // namespace direct
