// dsn.h - the failure report to our own submitter for recipients that could not be served: RFC 3464,
// headers only of the original, never its subject or body. Source: requirements F12, F13, G9.
#pragma once
#include <string>
#include <vector>

#include "milter/base/address.h"
#include "milter/base/clock.h"
#include "milter/base/reason.h"

namespace direct {

struct FailedRecipient {
    Address address;
    Reason reason;  ///< its DSN code becomes Status
};
struct FailureReport {
    Address to;              ///< the submitter (verified From of the login)
    std::string postmaster;  ///< From of the report: postmaster@<sender's domain>
    std::string reporting_host;
    std::string original_message_id;
    std::vector<FailedRecipient> failed;
    Time now{};
};
/// What people read: one line and lines, UTF-8, made by NoticeTexts.
struct NoticeText {
    std::string subject, text;
};
/// The code in Status: the report is final, so that of a temporary trouble that lasted too long becomes permanent.
std::string final_status(Reason reason);
/// A whole message, CRLF, 7bit, multipart/report; report-type=delivery-status, Auto-Submitted: auto-replied.
std::string make_failure_dsn(const FailureReport& report, const NoticeText& words);

}  // namespace direct
