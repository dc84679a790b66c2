// dsn.cpp - see dsn.h. Everything in a report is ASCII and made by us; what comes from the message
// (its Message-ID, the recipients) is checked, so that nothing can end a field early.
#include "milter/notify/dsn.h"

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/mime/words.h"
#include "milter/notify/report_fields.h"

namespace direct {
namespace {

std::string part_for_programs(const FailureReport& report, const std::string& id)
{
    std::string out = "Reporting-MTA: dns;" + ascii_form(report.reporting_host) + "\r\n";
    if (!id.empty()) out += "X-Original-Message-ID: " + id + "\r\n";
    for (const auto& r : report.failed) {
        out += "\r\nFinal-Recipient: " + typed_address(r.address) + "\r\n";
        out += "Action: failed\r\n";
        out += "Status: " + final_status(r.reason) + "\r\n";
        out += "Diagnostic-Code: x-direct;" + std::string(token_of(r.reason)) + "\r\n";
    }
    return out;
}

}  // namespace

std::string final_status(Reason reason)
{
    std::string code = row_of(reason).dsn;
    code[0] = '5';
    return code;
}

std::string make_failure_dsn(const FailureReport& report, const NoticeText& words)
{
    const std::string id = safe_message_id(report.original_message_id);
    const std::string boundary = "direct-" + hex(random_bytes(16));
    const std::string host = ascii_form(report.reporting_host);
    const auto begin_part = [&](std::string_view type) {
        return "--" + boundary + "\r\nContent-Type: " + std::string(type) + "\r\n\r\n";
    };

    std::string out;
    out += "From: \"Mail Delivery\" <" + ascii_form(report.postmaster) + ">\r\n";
    out += "To: <" + ascii_form(report.to.text()) + ">\r\n";
    out += "Subject: " + encode_text(words.subject, 9) + "\r\n";
    out += "Date: " + rfc5322_date(report.now) + "\r\n";
    out += "Message-ID: <" + hex(random_bytes(16)) + "@" + host + ">\r\n";
    if (!id.empty()) out += "In-Reply-To: " + id + "\r\nReferences: " + id + "\r\n";
    out += "Auto-Submitted: auto-replied\r\n";
    out += "MIME-Version: 1.0\r\n";
    out += "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" + boundary +
           "\"\r\n\r\n";
    out += "--" + boundary + "\r\n" + part_for_people(words.text);
    out += begin_part("message/delivery-status") + part_for_programs(report, id);
    if (!id.empty()) out += begin_part("text/rfc822-headers") + "Message-ID: " + id + "\r\n";
    out += "--" + boundary + "--\r\n";
    return out;
}

}  // namespace direct
