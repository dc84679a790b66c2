// submit.cpp - one message over SMTP with DSN parameters, and one answer per recipient.
//
// What libesmtp does not tell by itself, and would cost a message: when the server offers CHUNKING, each
// piece of the message gets an answer and overwrites the message's status, so a 250 there means nothing until the
// library has reported the message as sent; and after one failed piece the server answers the others
// 551 or 503, which is not its word on the message. The library gives a field of which RFC 5322 allows one
// only once, and adds Date and Message-ID when they are missing. It blocks up to reinject.timeout.
#include <stddef.h>  // libesmtp.h needs size_t and does not say so

#include <libesmtp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>

#include "milter/base/handle.h"
#include "milter/base/text.h"
#include "milter/notify/outbox.h"

namespace direct {
namespace {

using Session = Handle<smtp_session, &smtp_destroy_session>;

constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t xtext_max = 250;  // the library encodes parameters into 256 bytes
constexpr std::size_t answer_max = 300;

struct Source {
    std::string_view message;
    std::size_t at = 0;
};

// The library takes errno for a fault of ours, so it must be clean.
const char* next_block(void**, int* length, void* argument)
{
    auto* source = static_cast<Source*>(argument);
    errno = 0;
    if (!length) {
        source->at = 0;
        return nullptr;
    }
    const std::size_t n = std::min(block_size, source->message.size() - source->at);
    *length = static_cast<int>(n);
    const char* block = source->message.data() + source->at;
    source->at += n;
    return n ? block : nullptr;
}

struct Progress {
    bool connected = false, sent = false, no_dsn = false, no_8bit = false;
};

void on_event(smtp_session_t, int event, void* argument, ...)
{
    auto* progress = static_cast<Progress*>(argument);
    switch (event) {
        case SMTP_EV_CONNECT:
            progress->connected = true;
            break;
        case SMTP_EV_MESSAGESENT:
            progress->sent = true;
            break;
        case SMTP_EV_EXTNA_8BITMIME:
            progress->no_8bit = true;
            break;
        case SMTP_EV_EXTNA_DSN: {
            progress->no_dsn = true;
            va_list more;
            va_start(more, argument);
            *va_arg(more, int*) = 1;  // without DSN we would never hear of the delivery: do not send
            va_end(more);
            break;
        }
        default:
            break;
    }
}

std::string one_line(const smtp_status_t& s)
{
    std::string out = std::to_string(s.code);
    if (s.enh_class)
        out += " " + std::to_string(s.enh_class) + "." + std::to_string(s.enh_subject) + "." +
               std::to_string(s.enh_detail);
    const std::string_view text = s.text ? trim(s.text) : "";
    if (!text.empty()) out += " ";
    for (const char c : text.substr(0, answer_max)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    return out;
}

bool refused(const smtp_status_t* s)
{
    return s && s->code >= 400 && s->code <= 599;
}
bool taken(const smtp_status_t* s)
{
    return s && s->code >= 200 && s->code <= 299;
}

notify_flags notify_of(std::string_view text)
{
    int flags = 0;
    for (const auto word : split(text, ',')) {
        if (word == "NEVER") return Notify_NEVER;
        if (word == "SUCCESS") flags |= Notify_SUCCESS;
        if (word == "FAILURE") flags |= Notify_FAILURE;
        if (word == "DELAY") flags |= Notify_DELAY;
    }
    return static_cast<notify_flags>(flags);
}

// An address goes into a command line as it is: nothing may end that line or its brackets early.
bool fit_for_a_command(std::string_view address)
{
    if (address.size() > 400) return false;
    return std::none_of(address.begin(), address.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '<' || c == '>';
    });
}

std::string host_name()
{
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

void set_timeouts(smtp_session_t session, milliseconds timeout)
{
    for (const int which :
         {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2})
        smtp_set_timeout(session, which | Timeout_OVERRIDE_RFC2822_MINIMUM,
                         static_cast<long>(timeout.count()));
}

struct Added {
    smtp_recipient_t handle = nullptr;  // owned by the session; null: not fit for a command
    std::string address;
};

std::vector<Added> add_recipients(smtp_message_t message, const OutboxEntry& entry)
{
    std::vector<Added> out;
    for (const auto& address : entry.recipients) {
        Added one;
        one.address = address;
        if (fit_for_a_command(address)) one.handle = smtp_add_recipient(message, address.c_str());
        if (one.handle) {
            if (!entry.notify.empty()) smtp_dsn_set_notify(one.handle, notify_of(entry.notify));
            // Three characters for one at worst; a longer one goes without, and the report names the final one.
            if (address.size() * 3 < xtext_max) smtp_dsn_set_orcpt(one.handle, "rfc822", address.c_str());
        }
        out.push_back(std::move(one));
    }
    return out;
}

// The final word for one recipient: its own refusal, else the sender's, else the message's.
RecipientAnswer answer_for(const Added& recipient, smtp_message_t message, const Progress& progress)
{
    RecipientAnswer out;
    out.recipient = recipient.address;
    if (!recipient.handle) {
        out.code = 553;
        out.text = "553 5.1.3 not an address that fits into an SMTP command";
        return out;
    }
    const auto take = [&](const smtp_status_t* s) {
        out.code = s->code;
        out.text = one_line(*s);
    };
    const smtp_status_t* own = smtp_recipient_status(recipient.handle);
    const smtp_status_t* sender = smtp_reverse_path_status(message);
    const smtp_status_t* whole = smtp_message_transfer_status(message);
    if (refused(sender)) {
        take(sender);
    } else if (refused(own)) {
        take(own);
    } else if (taken(own) && progress.sent && (taken(whole) || refused(whole))) {
        take(whole);
        if (whole->code == 551 || whole->code == 503) out.code = 451;
    }
    return out;
}

std::string trouble_of(bool finished, const Progress& progress)
{
    if (progress.no_dsn) return "the listener does not offer DSN";
    if (progress.no_8bit) return "the listener does not offer 8BITMIME";
    if (finished) return "no answer came for the message";
    char text[200] = {};
    return smtp_strerror(smtp_errno(), text, sizeof text) ? text : "unknown trouble";
}

}  // namespace

HandOverResult submit(const Settings& settings, const OutboxEntry& entry, std::string_view message)
{
    HandOverResult out;
    std::string canonical;
    if (!is_canonical_crlf(message)) {
        canonical = to_crlf(message);
        message = canonical;
    }
    Source source{message};
    Progress progress;
    const Session session(smtp_create_session());
    smtp_message_t mail = session ? smtp_add_message(session.get()) : nullptr;
    if (!mail || !fit_for_a_command(entry.envelope_from) || entry.envelope_id.size() * 3 >= xtext_max) {
        out.trouble = mail ? "envelope sender or id do not fit into an SMTP command" : "out of memory";
        return out;
    }
    smtp_set_server(session.get(), settings.reinject_smtp.c_str());
    smtp_set_hostname(session.get(), host_name().c_str());
    smtp_set_eventcb(session.get(), on_event, &progress);
    set_timeouts(session.get(), settings.reinject_timeout);
    smtp_set_reverse_path(mail, entry.envelope_from.empty() ? nullptr : entry.envelope_from.c_str());
    smtp_dsn_set_ret(mail, Ret_HDRS);
    if (!entry.envelope_id.empty()) smtp_dsn_set_envid(mail, entry.envelope_id.c_str());
    smtp_size_set_estimate(mail, message.size());
    if (std::any_of(message.begin(), message.end(),
                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
        smtp_8bitmime_set_body(mail, E8bitmime_8BITMIME);
    smtp_set_messagecb(mail, next_block, &source);
    const auto recipients = add_recipients(mail, entry);

    const bool finished = smtp_start_session(session.get()) != 0;
    out.connected = progress.connected;
    bool answered = true;
    for (const auto& r : recipients) {
        out.recipients.push_back(answer_for(r, mail, progress));
        answered = answered && out.recipients.back().code != 0;
    }
    if (!answered) out.trouble = trouble_of(finished, progress);
    return out;
}

}  // namespace direct
