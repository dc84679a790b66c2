// notice.cpp - see notice.h. What a notice may tell is the closed list of NoticeFacts: a template cannot
// print what it is not given.
#include "milter/newuser/notice.h"

#include <algorithm>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/mime/content.h"
#include "milter/mime/words.h"
#include "milter/newuser/held_record.h"
#include "milter/newuser/templates.h"

namespace direct {
namespace {

std::string plain_line(std::string_view text)
{
    std::string out;
    for (const char c : trim(text)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    return out;
}

bool ascii(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A display name: quoted when it is ASCII, encoded words otherwise.
std::string phrase(std::string_view name, std::size_t column)
{
    const std::string line = plain_line(name);
    if (!ascii(line)) return encode_text(line, column);
    std::string out = "\"";
    for (const char c : line) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string day_of(std::int64_t ms)
{
    return iso8601(Time(milliseconds(ms))).substr(0, 10);
}

std::string domain_part(const std::string& address)
{
    return address.substr(address.rfind('@') + 1);
}

NoticeFacts facts_of(const std::vector<HeldRecord>& records, const DomainSettings& domain)
{
    NoticeFacts facts;
    const HeldRecord& last = records.back();
    facts.sender =
        plain_line(last.sender_organisation.empty() ? domain_part(last.sender) : last.sender_organisation);
    for (const auto& r : records) {
        const std::string other =
            r.sender_organisation.empty() ? domain_part(r.sender) : r.sender_organisation;
        if (plain_line(other) != facts.sender) facts.sender = "";  // several senders: none is named
    }
    facts.site = plain_line(domain.organisation.empty() ? domain.name : domain.organisation);
    facts.test = last.environment == "test";
    for (const auto& r : records) {
        NoticeLink link;
        link.code = printable_code(r.code);
        if (!domain.pickup_url.empty()) link.link = domain.pickup_url + "/p/" + link.code;
        link.expires = day_of(r.expires_ms);
        facts.links.push_back(std::move(link));
    }
    return facts;
}

std::string part(const std::string& boundary, const char* type, std::string_view text)
{
    auto out = "--" + boundary + "\r\nContent-Type: " + type +
               "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    append_quoted_printable(out, to_crlf(text));
    return out;
}

}  // namespace

Result<Notice> make_digest(const std::vector<HeldRecord>& records, const DomainSettings& domain,
                           const Settings& settings, const std::string& host, Time now)
{
    if (records.empty()) return fail(temporary("a notice without a record"));
    const HeldRecord& last = records.back();
    const NoticeFacts facts = facts_of(records, domain);
    TRY(const NoticeWords words,
        notice_words(facts, settings.newuser_templates, last.language, domain.language));

    Notice out;
    out.token = hex(random_bytes(16));
    const auto& reports = settings.reinject_report_domain;
    out.envelope_from = "notice+" + out.token + "@" + (reports.empty() ? "direct-report." + host : reports);
    const std::string boundary = "direct-" + hex(random_bytes(16));
    const std::string subject = (facts.test ? "[TEST] " : "") + plain_line(words.subject);
    std::string& m = out.message;
    m += "From: " + phrase(facts.site, 6) + "\r\n <no-reply@" + domain.name + ">\r\n";
    m += "To: <" + plain_line(last.contact) + ">\r\n";
    m += "Subject: " + encode_text(subject, 9) + "\r\n";
    m += "Date: " + rfc5322_date(now) + "\r\n";
    m += "Message-ID: <" + hex(random_bytes(16)) + "@" + host + ">\r\n";
    m += "Auto-Submitted: auto-generated\r\n";
    m += "MIME-Version: 1.0\r\n";
    m += "Content-Type: multipart/alternative;\r\n boundary=\"" + boundary + "\"\r\n\r\n";
    m += part(boundary, "text/plain", words.text);
    m += part(boundary, "text/html", words.html);
    m += "--" + boundary + "--\r\n";
    return out;
}

Result<Notice> make_notice(const HeldRecord& record, const DomainSettings& domain, const Settings& settings,
                           const std::string& host, Time now)
{
    return make_digest({record}, domain, settings, host, now);
}

}  // namespace direct
