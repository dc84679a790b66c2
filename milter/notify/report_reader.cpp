// report_reader.cpp - see report_reader.h.
#include "milter/notify/report_reader.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/split.h"
#include "milter/notify/report_fields.h"

namespace direct {
namespace {

constexpr std::size_t fields_max = 64 * 1024;
constexpr std::size_t recipients_max = 1000;
constexpr std::size_t notice_max = 64 * 1024;  // a mail program's is a few KB
constexpr std::size_t failure_max = 100;

struct Field {
    std::string name;  // lower case
    std::string value;
    bool after_blank = false;  // a blank line stands before it
};

/// A word of a program. Anything longer is prose, and somebody's prose can hold what stood in the original.
bool is_token(std::string_view text)
{
    constexpr std::string_view marks = ".:_-";
    return text.size() <= failure_max && std::all_of(text.begin(), text.end(), [&](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) || marks.find(c) != marks.npos;
           });
}

/// Fields of a report part; blank lines, lines without a colon and blanks around names are passed over.
std::vector<Field> report_fields(std::string_view body)
{
    std::vector<Field> out;
    bool blank = false;
    for (auto line : split(body.substr(0, fields_max), '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (trim(line).empty()) {
            blank = true;
            continue;
        }
        bool folded = line.starts_with(' ') || line.starts_with('\t');
        auto colon = line.find(':');
        // An indented line that begins a field of its own is a field: some senders indent all of them.
        auto name = colon == line.npos ? std::string_view() : trim(line.substr(0, colon));
        bool is_field = !name.empty() && name.find_first_of(" \t;<>@") == name.npos;
        // Not in a diagnostic, which is somebody else's text.
        bool goes_on = !is_field || (!out.empty() && (out.back().name == "diagnostic-code" ||
                                                      out.back().value.find(';') == std::string::npos));
        if (folded && !out.empty() && goes_on)
            out.back().value += " " + std::string(trim(line));
        else if (is_field)
            out.push_back({ascii_lower(name), std::string(trim(line.substr(colon + 1))), blank});
        blank = false;
    }
    return out;
}

/// "rfc822; Name <a@b>" -> a@b
std::optional<Address> typed(std::string_view value)
{
    if (auto semicolon = value.find(';'); semicolon != value.npos) value.remove_prefix(semicolon + 1);
    auto open = value.rfind('<'), close = value.rfind('>');
    if (open != value.npos && close != value.npos && open < close)
        value = value.substr(open + 1, close - open - 1);
    auto address = parse_address(trim(value), true);
    return address ? std::optional<Address>(std::move(*address)) : std::nullopt;
}

std::string message_id_in(std::string_view value)
{
    auto open = value.find('<'), close = value.find('>');
    if (open == value.npos || close == value.npos || close < open) return "";
    return safe_message_id(value.substr(open, close - open + 1));
}

std::string undo_xtext(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && i + 2 < text.size())
            if (auto byte = unhex(text.substr(i + 1, 2)); byte && byte->size() == 1) {
                out += *byte;
                i += 2;
                continue;
            }
        out += text[i];
    }
    return out;
}

/// The parts of a multipart/report as entities; what cannot be read is left out.
Result<std::vector<Entity>> parts_of(const Entity& message, const MimeLimits& limits)
{
    if (!message.content_type.is("multipart", "report"))
        return fail(refuse(Reason::malformed, "not a multipart/report"));
    TRY(auto boundary, boundary_of(message.content_type));
    TRY(auto body, split_multipart(message.body, boundary, limits.parts));
    std::vector<Entity> out;
    for (auto bytes : body.parts)
        if (auto part = read_part(bytes, message.content_type, limits)) out.push_back(std::move(*part));
    return out;
}

const Entity* part_of(const std::vector<Entity>& parts, std::string_view subtype, std::string_view global)
{
    for (const auto& p : parts)
        if (p.content_type.is("message", subtype) || p.content_type.is("message", global)) return &p;
    return nullptr;
}

std::string text_of(const Entity& part)
{
    auto decoded = decode_transfer(part.body, part.transfer_encoding);
    return decoded ? std::move(*decoded) : std::string(part.body);
}

/// "automatic-action/MDN-sent-automatically; processed/error" -> error
std::string disposition_in(std::string_view value)
{
    static constexpr std::array known = {"processed", "dispatched", "displayed", "deleted",
                                         "denied",    "failed",     "error"};
    auto lower = ascii_lower(value);
    std::string_view type = trim(std::string_view(lower).substr(lower.rfind(';') + 1));
    if (lower.find(';') == std::string::npos)
        if (auto blank = type.find_last_of(" \t"); blank != type.npos) type.remove_prefix(blank + 1);
    auto modifier = type.find('/');
    auto word = trim(type.substr(0, modifier));
    if (std::find(known.begin(), known.end(), word) == known.end()) return "";
    if (modifier != type.npos) {
        auto rest = type.substr(modifier);
        if (rest.find("error") != rest.npos || rest.find("failure") != rest.npos) return "error";
    }
    return std::string(word);
}

/// One of the five words of RFC 3464, "" for anything else.
std::string action_in(std::string_view value)
{
    static constexpr std::array known = {"failed", "delayed", "delivered", "relayed", "expanded"};
    auto word = ascii_lower(value.substr(0, value.find_first_of(" \t;(")));
    return std::find(known.begin(), known.end(), word) == known.end() ? "" : word;
}

void take_recipient_field(std::vector<DeliveryNotice::Recipient>& all, const Field& f)
{
    // Blank lines alone are not trusted to part the groups: a field that is there already begins the next one, and so
    // does a recipient after a blank line when the group before it is complete.
    bool complete = !all.empty() && all.back().final_recipient && !all.back().action.empty();
    auto begin_if = [&](bool there) {
        if (all.empty() || there) all.emplace_back();
    };
    if (f.name == "final-recipient") {
        begin_if(!all.empty() && all.back().final_recipient);
        all.back().final_recipient = typed(f.value);
    } else if (f.name == "original-recipient") {
        begin_if(!all.empty() && (all.back().original_recipient || (complete && f.after_blank)));
        all.back().original_recipient = typed(f.value);
    } else if (f.name == "action") {
        begin_if(!all.empty() && !all.back().action.empty());
        all.back().action = action_in(f.value);
    } else if (f.name == "status") {
        begin_if(!all.empty() && !all.back().status.empty());
        all.back().status = f.value.substr(0, f.value.find_first_not_of("0123456789."));
    }
}

std::string returned_message_id(const std::vector<Entity>& parts, const MimeLimits& limits)
{
    for (const auto& p : parts) {
        if (!p.content_type.is("text", "rfc822-headers") && !p.content_type.is("message", "rfc822")) continue;
        auto text = text_of(p);
        if (auto returned = split_header(text, limits)) return message_id(returned->headers);
    }
    return "";
}

}  // namespace

NoticeKind notice_kind(const Entity& message, const MimeLimits& limits)
{
    if (!message.content_type.is("multipart", "report")) return NoticeKind::none;
    auto type = ascii_lower(message.content_type.parameter("report-type"));
    if (type == "disposition-notification") return NoticeKind::disposition;
    if (type == "delivery-status") return NoticeKind::delivery;
    auto parts = parts_of(message, limits);
    if (!parts) return NoticeKind::none;
    if (part_of(*parts, "disposition-notification", "global-disposition-notification"))
        return NoticeKind::disposition;
    return part_of(*parts, "delivery-status", "global-delivery-status") ? NoticeKind::delivery
                                                                        : NoticeKind::none;
}

Result<DispositionNotice> read_disposition_notice(const Entity& message, const MimeLimits& limits)
{
    TRY(auto parts, parts_of(message, limits));
    const auto* part = part_of(parts, "disposition-notification", "global-disposition-notification");
    if (!part) return fail(refuse(Reason::malformed, "no disposition-notification part"));
    DispositionNotice out;
    const auto text = text_of(*part);
    for (const auto& f : report_fields(text)) {
        if (f.name == "original-message-id") out.original_message_id = message_id_in(f.value);
        if (f.name == "final-recipient") out.final_recipient = typed(f.value);
        if (f.name == "disposition") out.disposition = disposition_in(f.value);
        if (equal_ignoring_case(f.name, final_delivery_field)) out.final_delivery = true;
        if (f.name == "failure" || f.name == "error") out.failure = is_token(f.value) ? f.value : "";
    }
    if (out.original_message_id.empty())
        out.original_message_id = message_id_in(message.headers.first("In-Reply-To"));
    return out;
}

Result<DeliveryNotice> read_delivery_notice(const Entity& message, const MimeLimits& limits)
{
    TRY(auto parts, parts_of(message, limits));
    const auto* part = part_of(parts, "delivery-status", "global-delivery-status");
    if (!part) return fail(refuse(Reason::malformed, "no delivery-status part"));
    DeliveryNotice out;
    const auto text = text_of(*part);
    for (const auto& f : report_fields(text)) {
        if (f.name == "x-original-message-id") out.original_message_id = message_id_in(f.value);
        if (f.name == "original-envelope-id") out.original_envelope_id = undo_xtext(f.value);
        if (f.name == "x-postfix-queue-id") out.postfix_queue_id = is_token(f.value) ? f.value : "";
        if (f.name == "x-postfix-sender") out.postfix_sender = typed(f.value);
        if (out.recipients.size() < recipients_max) take_recipient_field(out.recipients, f);
    }
    if (out.original_message_id.empty()) out.original_message_id = returned_message_id(parts, limits);
    if (out.original_message_id.empty())
        out.original_message_id = message_id_in(message.headers.first("In-Reply-To"));
    return out;
}

bool is_small_notice(std::string_view message, const MimeLimits& limits)
{
    if (message.size() > notice_max) return false;
    const auto entity = read_entity(message, limits);
    if (!entity) return false;
    const auto kind = notice_kind(*entity, limits);
    if (kind == NoticeKind::delivery) {
        const auto report = read_delivery_notice(*entity, limits);
        return report && !report->original_message_id.empty() && !report->recipients.empty();
    }
    if (kind != NoticeKind::disposition) return false;
    const auto notice = read_disposition_notice(*entity, limits);
    return notice && !notice->original_message_id.empty() && !notice->disposition.empty();
}

bool asks_for_final_delivery(const Headers& headers)
{
    if (headers.count("Disposition-Notification-Options") != 1) return false;
    bool asked = false;
    const auto value = headers.first("Disposition-Notification-Options");
    for (auto parameter : split(value, ';')) {
        auto equals = parameter.find('=');
        if (equals == parameter.npos) return false;
        auto name = trim(parameter.substr(0, equals));
        auto words = split(parameter.substr(equals + 1), ',');
        if (name.empty() || words.size() < 2) return false;
        auto importance = ascii_lower(trim(words[0]));
        if (importance != "optional" && importance != "required") return false;
        if (!equal_ignoring_case(name, final_delivery_field)) continue;
        if (asked || words.size() != 2 || !equal_ignoring_case(trim(words[1]), "true")) return false;
        asked = true;
    }
    return asked;
}

bool is_automatic(const Headers& headers)
{
    auto submitted = ascii_lower(headers.first("Auto-Submitted"));
    if (!submitted.empty() && !submitted.starts_with("no")) return true;
    auto precedence = ascii_lower(headers.first("Precedence"));
    return precedence == "bulk" || precedence == "junk" || precedence == "list";
}

}  // namespace direct
