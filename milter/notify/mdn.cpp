#include "milter/notify/mdn.h"

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/mime/words.h"
#include "milter/notify/report_fields.h"

namespace direct {
namespace {

std::string part_for_programs(const Mdn& mdn, const std::string& id)
{
    std::string out = "Reporting-UA: " + ascii_form(mdn.host) + "; direct-milter\r\n";
    out += "Final-Recipient: " + typed_address(mdn.from) + "\r\n";
    if (!id.empty()) out += "Original-Message-ID: " + id + "\r\n";
    if (!mdn.failure.empty()) out += "Failure: " + ascii_form(mdn.failure) + "\r\n";
    for (const auto& [name, value] : mdn.extensions) out += name + ": " + ascii_form(value) + "\r\n";
    out += "Disposition: automatic-action/MDN-sent-automatically;" + mdn.disposition + "\r\n";
    return out;
}

}  // namespace

std::string make_mdn(const Mdn& mdn)
{
    const auto id = safe_message_id(mdn.original_message_id);
    const auto boundary = "direct-" + hex(random_bytes(16));
    std::string out = "From: <" + ascii_form(mdn.from.text()) + ">\r\n";
    out += "To: <" + ascii_form(mdn.to.text()) + ">\r\n";
    out += "Subject: " + encode_text(mdn.subject, 9) + "\r\n";
    out += "Date: " + rfc5322_date(mdn.now) + "\r\n";
    out += "Message-ID: <" + hex(random_bytes(16)) + "@" + mdn.from.domain + ">\r\n";
    if (!id.empty()) out += "In-Reply-To: " + id + "\r\nReferences: " + id + "\r\n";
    out += "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n";
    out += "Content-Type: multipart/report; report-type=disposition-notification;\r\n boundary=\"" +
           boundary + "\"\r\n\r\n";
    out += "--" + boundary + "\r\n" + part_for_people(mdn.text);
    out += "--" + boundary + "\r\nContent-Type: message/disposition-notification\r\n\r\n" +
           part_for_programs(mdn, id);
    return out + "--" + boundary + "--\r\n";
}

}  // namespace direct
