// report_reader.h - notifications that arrive, and requests for them: MDN (RFC 8098), DSN (RFC 3464), and the options
// field of the Delivery Notification guide.
//
// Read leniently (E10): any case, extra white space and blank lines, groups that have fallen apart, a missing
// disposition. What is read is what somebody claims; whom to believe is decided by the caller. Nothing from the
// original's text is kept. Limits: 64 KiB of report fields, 1000 recipients. Pure functions, thread safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/base/address.h"
#include "milter/mime/message.h"

namespace direct {

/// The extension field that marks a dispatched notification, and the word that asks for one.
inline constexpr std::string_view final_delivery_field = "X-DIRECT-FINAL-DESTINATION-DELIVERY";

enum class NoticeKind : unsigned char {
    none,         ///< ordinary mail
    disposition,  ///< multipart/report; report-type=disposition-notification
    delivery,     ///< multipart/report; report-type=delivery-status
};
/// Told by the content type; a report without report-type by its second part.
NoticeKind notice_kind(const Entity& message, const MimeLimits& limits);

struct DispositionNotice {
    std::string original_message_id;  ///< "<x@y>" or ""; In-Reply-To when the field is missing
    std::optional<Address> final_recipient;
    /// processed | dispatched | displayed | deleted | denied | failed | error; "" when none can be read. A type with
    /// the modifier error or failure is "error".
    std::string disposition;
    bool final_delivery = false;  ///< carries the extension field
    std::string
        failure;  ///< the Failure or Error field when it is one word of [A-Za-z0-9.:_-], at most 100; or ""
};
/// Fault: malformed: not an MDN, or its parts cannot be split.
Result<DispositionNotice> read_disposition_notice(const Entity& message, const MimeLimits& limits);

/// A notification as a mail system makes it and no more: what may pass where mail is trusted in one direction only
/// (D10). A document that calls itself a notification is none: at most 64 KiB, naming a message and what became of it.
bool is_small_notice(std::string_view message, const MimeLimits& limits);

struct DeliveryNotice {
    struct Recipient {
        std::optional<Address> final_recipient, original_recipient;
        std::string action;  ///< failed | delayed | delivered | relayed | expanded; "" when none can be read
        std::string status;  ///< "5.1.1" or ""
    };
    std::string original_message_id;        ///< X-Original-Message-ID, returned header, In-Reply-To; or ""
    std::string original_envelope_id;       ///< Original-Envelope-Id, xtext undone, or ""
    std::string postfix_queue_id;           ///< X-Postfix-Queue-ID: of the message it reports about, or ""
    std::optional<Address> postfix_sender;  ///< X-Postfix-Sender: that message's envelope sender
    std::vector<Recipient> recipients;
};
/// Fault: malformed: not a DSN, or its parts cannot be split.
Result<DeliveryNotice> read_delivery_notice(const Entity& message, const MimeLimits& limits);

/// Disposition-Notification-Options asks for final-destination notification, well formed (F1-F4): exactly one field, one
/// of its parameters is X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true (or required,true), all parameters can be read.
bool asks_for_final_delivery(const Headers& headers);

/// Mail nobody should answer by itself: Auto-Submitted other than "no", or Precedence bulk, junk, list (E12).
bool is_automatic(const Headers& headers);

}  // namespace direct
