// wrap.cpp - what goes inside the seal and what stands outside. See wrap.h; the way back is unwrap.cpp.
#include "milter/mime/wrap.h"

#include <algorithm>
#include <array>

#include "milter/base/crypto.h"
#include "milter/base/text.h"
#include "milter/mime/reencode.h"
#include "milter/mime/split.h"
#include "milter/mime/words.h"

namespace direct {
namespace {

constexpr std::string_view wrapping = "Content-Type: message/rfc822\r\n\r\n";

auto malformed(const char* why)
{
    return fail(refuse(Reason::malformed, why));
}

bool named(const HeaderField& f, std::string_view name)
{
    return equal_ignoring_case(f.name, name);
}

bool blind(const HeaderField& f)
{
    return named(f, "Bcc") || named(f, "Resent-Bcc");
}

/// Which fields of the inner header are made or made anew.
struct Missing {
    bool to = false;
    bool date = false;
    bool mime_version = false;
    bool message_id = false;
};

Missing missing_in(const Headers& h)
{
    return {h.count("To") == 0, h.count("Date") == 0, h.count("MIME-Version") == 0, message_id(h).empty()};
}

std::string new_message_id(std::string_view made_id, std::string_view domain)
{
    return "<" + (made_id.empty() ? hex(random_bytes(16)) : std::string(made_id)) + "@" +
           std::string(domain) + ">";
}

void append_missing(std::string& out, const Missing& missing, const std::string& id, Time now)
{
    if (missing.to) out += "To: undisclosed-recipients:;\r\n";
    if (missing.date) out += "Date: " + rfc5322_date(now) + "\r\n";
    if (missing.message_id) out += "Message-ID: " + id + "\r\n";
    if (missing.mime_version) out += "MIME-Version: 1.0\r\n";
}

/// The body is 7bit already: nothing interpreted, and nothing copied when its line ends are CRLF.
void append_as_it_is(Wrapped& out, std::string_view body, const ByteScan& scan)
{
    out.own += "\r\n";
    if (scan.lf || scan.bare_cr)
        append_crlf(out.own, body);
    else
        out.rest = body;
}

/// Bodies that need other transfer encodings. The header fields of the entity stand in `out` already.
Status append_rewritten(std::string& out, const Entity& e, const BodyPlan& plan, const MimeLimits& limits)
{
    if (!plan.encoding.empty()) out += "Content-Transfer-Encoding: " + plan.encoding + "\r\n";
    // Mail programs without MIME that write UTF-8: the next reader must not take it for ASCII.
    const bool text = plan.way == BodyPlan::Way::quoted_printable || plan.way == BodyPlan::Way::base64;
    if (text && e.headers.count("Content-Type") == 0 && valid_utf8(e.body))
        out += "Content-Type: text/plain; charset=utf-8\r\n";
    out += "\r\n";
    return append_body(out, e, plan, limits);
}

void append_fixed_subject(std::string& out, std::string_view subject)
{
    if (!subject.empty()) out += "Subject: " + encode_text(subject, 9) + "\r\n";
}

}  // namespace

Result<Wrapped> wrap(std::string_view message, std::string_view domain, Time now, const MimeLimits& limits,
                     std::string_view made_id)
{
    TRY(const auto block, split_header(message, limits));
    if (block.headers.count("From") != 1) return malformed("a message needs exactly one From field");
    const Missing missing = missing_in(block.headers);
    Wrapped out;
    out.message_id = missing.message_id ? new_message_id(made_id, domain) : message_id(block.headers);

    const ByteScan scan = scan_bytes(block.body);
    const bool as_it_is = scan.seven_bit() && scan.one_line_end();
    Entity whole;
    BodyPlan plan;
    if (!as_it_is) {
        TRY(whole, read_entity(message, limits));
        TRY(plan, plan_body(whole));
    }
    // One allocation. Base64 makes 1.37 octets of one; LF alone becomes two, on lines of about 78.
    const std::size_t body = !as_it_is ? block.body.size() * 7 / 5
                             : scan.lf ? block.body.size() + block.body.size() / 32
                                       : 0;
    out.own.reserve(block.header_bytes.size() + body + 4096);
    out.own = wrapping;
    for (const auto& f : block.headers.fields()) {
        if (blind(f) || (missing.message_id && named(f, "Message-ID"))) continue;
        if (!plan.encoding.empty() && named(f, "Content-Transfer-Encoding")) continue;
        CHECK(append_field(out.own, f));
    }
    append_missing(out.own, missing, out.message_id, now);
    if (as_it_is)
        append_as_it_is(out, block.body, scan);
    else
        CHECK(append_rewritten(out.own, whole, plan, limits));
    return out;
}

Result<std::string> outer_headers(std::string_view, const Wrapped& wrapped, std::string_view subject, Time,
                                  const MimeLimits& limits)
{
    static constexpr std::array copied = {"From",       "To",          "Cc",        "Date",
                                          "Message-ID", "In-Reply-To", "References"};
    // What wrap() wrote is complete and ASCII; the message it was made from need not be.
    if (!wrapped.own.starts_with(wrapping)) return malformed("not made by wrap");
    TRY(const auto inner, split_header(std::string_view(wrapped.own).substr(wrapping.size()), limits));
    std::string out;
    for (const char* name : copied)
        for (const auto& f : inner.headers.fields())
            if (named(f, name)) out += f.raw;
    out += "MIME-Version: 1.0\r\n";
    append_fixed_subject(out, subject);
    return out;
}

}  // namespace direct
