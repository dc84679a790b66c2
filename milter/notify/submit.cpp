// submit.cpp - one message over SMTP with DSN parameters (RFC 3461), and one answer per recipient.
//
// What breaks off before the answer to the final dot is no answer: the recipients stay owed.
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "milter/base/text.h"
#include "milter/notify/outbox.h"
#include "milter/notify/smtp_dialogue.h"

namespace direct {
namespace {

constexpr std::size_t address_max = 400;
constexpr std::size_t orcpt_max = 500;  // RFC 3461 4.2
// Who gives up while the listener still files the message sends it again (RFC 5321 4.5.3.2.6).
constexpr milliseconds final_dot = std::chrono::minutes(10);
constexpr std::size_t envid_max = 100;  // RFC 3461 4.4

// An address goes into a command line as it is: nothing may end that line or its brackets early.
bool fit_for_a_command(std::string_view address)
{
    if (address.size() > address_max) return false;
    return std::none_of(address.begin(), address.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '<' || c == '>';
    });
}

// RFC 3461 4: '+', '=' and what is not printable ASCII become +HH.
std::string xtext(std::string_view text)
{
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= '!' && byte <= '~' && c != '+' && c != '=') {
            out += c;
        } else {
            out += '+';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

bool has_eight_bits(std::string_view message)
{
    return std::any_of(message.begin(), message.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::string host_name()
{
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

class Submission {
public:
    Submission(const Settings& settings, const OutboxEntry& entry, std::string_view message,
               Interrupt* interrupt)
        : settings_(settings), entry_(entry), message_(message), smtp_(settings.reinject_timeout, interrupt)
    {
        for (const auto& address : entry.recipients) out_.recipients.push_back({address, 0, ""});
    }
    HandOverResult run()
    {
        if (auto done = talk(); !done) out_.trouble = done.error().why;
        if (out_.connected) smtp_.quit();
        return std::move(out_);
    }

private:
    Status talk();
    Status greet();
    bool offered(std::string_view extension) const;
    std::string mail_from() const;
    std::string rcpt_to(const std::string& address) const;
    Status give_recipients();
    void answer_all(const SmtpReply& reply);

    const Settings& settings_;
    const OutboxEntry& entry_;
    std::string_view message_;
    SmtpDialogue smtp_;
    std::vector<std::string> extensions_;
    HandOverResult out_;
    std::size_t open_ = 0;  // recipients taken at RCPT: the answer to the message is theirs
};

Status Submission::talk()
{
    if (!fit_for_a_command(entry_.envelope_from) || xtext(entry_.envelope_id).size() > envid_max)
        return fail(temporary("envelope sender or id do not fit into an SMTP command"));
    CHECK(smtp_.connect(settings_.reinject_smtp));
    out_.connected = true;
    CHECK(greet());
    if (!offered("DSN"))
        return fail(temporary("the listener does not offer DSN"));  // we would never hear of it
    const bool eight = has_eight_bits(message_);
    if (eight && !offered("8BITMIME")) return fail(temporary("the listener does not offer 8BITMIME"));
    TRY(const auto sender, smtp_.command(mail_from() + (eight ? " BODY=8BITMIME" : "")));
    if (!sender.taken()) {
        answer_all(sender);
        return Done{};
    }
    CHECK(give_recipients());
    if (open_ == 0) return Done{};
    TRY(const auto go_on, smtp_.command("DATA"));
    if (go_on.code != 354) {
        if (!go_on.refused()) return fail(temporary("DATA was answered " + go_on.text()));
        answer_all(go_on);
        return Done{};
    }
    CHECK(smtp_.content(message_));
    out_.maybe_taken = true;
    TRY(const auto last, smtp_.reply(final_dot));
    out_.maybe_taken = false;
    answer_all(last);
    return Done{};
}

Status Submission::greet()
{
    TRY(const auto greeting, smtp_.reply());
    if (!greeting.taken()) return fail(temporary("the listener greets with " + greeting.text()));
    TRY(const auto hello, smtp_.command("EHLO " + host_name()));
    if (!hello.taken()) return fail(temporary("EHLO was answered " + hello.text()));
    extensions_ = hello.lines;
    return Done{};
}

bool Submission::offered(std::string_view extension) const
{
    return std::any_of(extensions_.begin(), extensions_.end(), [&](const std::string& line) {
        return equal_ignoring_case(std::string_view(line).substr(0, line.find(' ')), extension);
    });
}

std::string Submission::mail_from() const
{
    std::string out = "MAIL FROM:<" + entry_.envelope_from + ">";
    if (offered("SIZE")) out += " SIZE=" + std::to_string(message_.size());
    out += " RET=HDRS";
    if (!entry_.envelope_id.empty()) out += " ENVID=" + xtext(entry_.envelope_id);
    return out;
}

std::string Submission::rcpt_to(const std::string& address) const
{
    std::string out = "RCPT TO:<" + address + ">";
    if (!entry_.notify.empty()) out += " NOTIFY=" + entry_.notify;
    // A longer one goes without, and the report names the final recipient.
    if (const auto original = "rfc822;" + xtext(address); original.size() <= orcpt_max)
        out += " ORCPT=" + original;
    return out;
}

Status Submission::give_recipients()
{
    for (auto& r : out_.recipients) {
        if (!fit_for_a_command(r.recipient)) {
            r.code = 553;
            r.text = "553 5.1.3 not an address that fits into an SMTP command";
            continue;
        }
        TRY(const auto reply, smtp_.command(rcpt_to(r.recipient)));
        if (reply.taken()) {
            ++open_;
            continue;
        }
        if (!reply.refused()) return fail(temporary("RCPT was answered " + reply.text()));
        r.code = reply.code;
        r.text = reply.text();
    }
    return Done{};
}

/// The answer for everyone who has no answer of his own yet.
void Submission::answer_all(const SmtpReply& reply)
{
    for (auto& r : out_.recipients)
        if (r.code == 0) {
            r.code = reply.code;
            r.text = reply.text();
        }
}

}  // namespace

HandOverResult submit(const Settings& settings, const OutboxEntry& entry, std::string_view message,
                      Interrupt* interrupt)
{
    std::string canonical;
    if (!is_canonical_crlf(message)) {
        canonical = to_crlf(message);
        message = canonical;
    }
    auto out = Submission(settings, entry, message, interrupt).run();
    discard(canonical);
    return out;
}

}  // namespace direct
