// failure_report.h - failure reports to our own submitters, and who is told that nobody has answered in time (F7, F8).
//
// Called by NoticeMaker's threads. Thread safe.
#pragma once
#include <string>
#include <string_view>

#include "milter/audit/audit.h"
#include "milter/notify/damaged_rows.h"
#include "milter/notify/dsn.h"
#include "milter/notify/owed_notice.h"

namespace direct {

struct House;

/// The report as a message, in the words and the name of the submitter's domain; of one who is in no domain of ours, in
/// those of the recipient's.
std::string failure_dsn(const House& house, FailureReport report);

/// What a failure report tells of one recipient.
AuditEntry audit_of_failure(const OwedNotice& about, const std::string& recipient, const char* event,
                            std::string_view token, Time now);

/// One failure report for each message with recipients whose time is up, at most 100 recipients in all. Rows that cannot be
/// read are put to `damaged`. Fault: temporary; the others are told all the same.
Status tell_overdue(House& house, DamagedRows& damaged);

}  // namespace direct
