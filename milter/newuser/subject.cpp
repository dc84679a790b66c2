// subject.cpp - splits the decoded line and judges its fields; the grammar stands in the newuser manual,
// section 2. The line stays in one Secret, fields are views into it, and only what may be kept
// readable is copied out. Pure functions, thread safe.
#include "milter/newuser/subject.h"

#include <algorithm>
#include <array>

#include "milter/base/text.h"
#include "milter/mime/message.h"
#include "milter/newuser/line_text.h"

namespace direct {
namespace {

constexpr std::size_t answer_short = 6;  // W3

Fault newuser_fault(Reason reason)
{
    return refuse(reason, std::string(row_of(reason).admin));
}

Reason reason_for(AddressFault fault)
{
    switch (fault) {
        case AddressFault::empty:
            return Reason::newuser_email_empty;
        case AddressFault::quote:
            return Reason::newuser_email_quote;
        case AddressFault::local:
            return Reason::newuser_email_local;
        case AddressFault::local_utf8:
            return Reason::newuser_email_local_utf8;
        case AddressFault::domain:
            return Reason::newuser_email_domain;
        case AddressFault::literal:
            return Reason::newuser_email_literal;
        case AddressFault::none:
        case AddressFault::syntax:
            break;
    }
    return Reason::newuser_email_syntax;
}

// Walks over a recipient and knows whether it is inside "..." or <...>.
struct Walk {
    bool quoted = false, angle = false, escaped = false;
    void step(char c)
    {
        if (escaped)
            escaped = false;
        else if (quoted && c == '\\')
            escaped = true;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '<')
            angle = true;
        else if (!quoted && c == '>')
            angle = false;
    }
    bool inside() const { return quoted || angle; }
};

struct Halves {
    std::string_view recipient, rest;
    bool open_quote = false;
};
Halves split_recipient(std::string_view line)
{
    Walk walk;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ';' && !walk.inside()) return {line.substr(0, i), line.substr(i + 1), false};
        walk.step(line[i]);
    }
    return {line, {}, walk.quoted};
}

// More than one text of the form a@b outside quotes: the sender meant several persons.
bool several_addresses(std::string_view recipient)
{
    constexpr std::string_view separators = " ,;<>";
    Walk walk;
    std::size_t found = 0, from = 0;
    std::size_t at = std::string_view::npos;
    const auto piece_ends = [&](std::size_t end) {
        if (at != std::string_view::npos && at > from && at + 1 < end) ++found;
        at = std::string_view::npos;
        from = end + 1;
    };
    for (std::size_t i = 0; i < recipient.size(); ++i) {
        if (!walk.quoted && separators.find(recipient[i]) != std::string_view::npos) piece_ends(i);
        if (!walk.quoted && recipient[i] == '@') at = i;
        walk.step(recipient[i]);
    }
    piece_ends(recipient.size());
    return found > 1;
}

// phrase of RFC 5322 with dots and any UTF-8: quoted strings and words, one blank between them.
Result<std::string> display_name(std::string_view text)
{
    constexpr std::string_view not_in_a_word = "()<>[]:;@\\,\"";
    std::string name;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == ' ') {
            if (!name.empty() && name.back() != ' ') name += ' ';
            ++i;
        } else if (text[i] == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i) {
                if (text[i] == '\\' && i + 1 < text.size()) ++i;
                name += text[i];
            }
            if (i == text.size()) return fail(newuser_fault(Reason::newuser_email_quote));
            ++i;
        } else {
            if (not_in_a_word.find(text[i]) != std::string_view::npos)
                return fail(newuser_fault(Reason::newuser_email_syntax));
            name += text[i++];
        }
    }
    return std::string(trim_blanks(name));
}

struct Recipient {
    Address address;
    std::string name;
};

Result<Recipient> read_one(std::string_view text, bool utf8)
{
    Recipient out;
    std::string_view spec = text;
    Walk walk;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '<' && !walk.inside()) {
            if (text.back() != '>') return fail(newuser_fault(Reason::newuser_email_syntax));
            TRY(out.name, display_name(text.substr(0, i)));
            spec = text.substr(i + 1, text.size() - i - 2);
            break;
        }
        walk.step(text[i]);
    }
    if (const AddressFault fault = diagnose_address(spec, utf8); fault != AddressFault::none)
        return fail(newuser_fault(reason_for(fault)));
    auto address = parse_address(spec, utf8);
    if (!address) return fail(newuser_fault(Reason::newuser_email_syntax));
    out.address = std::move(*address);
    return out;
}

Result<Recipient> read_recipient(std::string_view text, const NewuserOptions& options)
{
    text = trim_blanks(text);
    if (text.empty()) return fail(newuser_fault(Reason::newuser_email_empty));
    auto one = read_one(text, options.smtputf8);
    if (!one) {
        if (several_addresses(text)) return fail(newuser_fault(Reason::newuser_email_several));
        return one;
    }
    const auto& own = options.own_newuser;
    if (std::find(own.begin(), own.end(), one->address) != own.end())
        return fail(newuser_fault(Reason::newuser_email_loop));
    return one;
}

// A person's address where a question or subject should stand: the message was meant for two
// persons, and would show one of them to the other.
bool is_an_address(std::string_view field)
{
    return !field.empty() && read_one(field, true).has_value();
}

// Removes what mail programs and gateways put in front, when the site has listed it.
std::string_view without_prefixes(std::string_view line, const std::vector<std::string>& prefixes)
{
    const auto leads = [&](const std::string& prefix) {
        if (prefix.empty() || line.size() <= prefix.size()) return false;
        if (!equal_ignoring_case(line.substr(0, prefix.size()), prefix)) return false;
        // "re" must not eat the start of "rebecca@example.org".
        const char last = prefix.back();
        const bool word =
            (last >= '0' && last <= '9') || (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z');
        return !word || line[prefix.size()] == ' ';
    };
    for (;;) {
        const auto hit = std::find_if(prefixes.begin(), prefixes.end(), leads);
        if (hit == prefixes.end()) return line;
        line = trim_blanks(line.substr(hit->size()));
    }
}

struct Fields {
    std::string_view question, answer, real_subject;
    bool three = false;  // question and answer without a real subject: could have been meant otherwise
};

Fields split_rest(std::string_view rest)
{
    Fields f;
    const std::size_t first = rest.find(';');
    if (first == std::string_view::npos) {
        f.real_subject = trim_blanks(rest);
        return f;
    }
    const std::size_t second = rest.find(';', first + 1);
    f.question = trim_blanks(rest.substr(0, first));
    f.answer =
        trim_blanks(rest.substr(first + 1, second == std::string_view::npos ? second : second - first - 1));
    f.three = second == std::string_view::npos;
    if (!f.three) f.real_subject = trim_blanks(rest.substr(second + 1));
    const auto separator = [](char c) { return c == ';' || c == ' '; };
    if (std::all_of(f.real_subject.begin(), f.real_subject.end(), separator)) f.real_subject = {};
    return f;
}

// An answer that is nothing once normalised would open the record to an empty form field.
bool nothing(std::string_view field)
{
    return field.empty() || normal_answer(field).empty();
}

Status check_question(Fields& f)
{
    if (is_an_address(f.question)) return fail(newuser_fault(Reason::newuser_email_several));
    const bool no_question = nothing(f.question), no_answer = nothing(f.answer);
    if (no_question && no_answer) {
        f.question = f.answer = {};
        return Done{};
    }
    if (no_question) return fail(newuser_fault(Reason::newuser_question_missing));
    if (no_answer) return fail(newuser_fault(Reason::newuser_answer_missing));
    if (count_code_points(f.question) > newuser_field_max || count_code_points(f.answer) > newuser_field_max)
        return fail(newuser_fault(Reason::newuser_field_too_long));
    return Done{};
}

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

std::vector<std::string> warnings_for(const Fields& f)
{
    if (f.question.empty()) return {"W5"};
    std::vector<std::string> out;
    if (f.three) out.push_back("W1");
    const Secret answer = normal_answer(f.answer);
    if (std::min(count_code_points(f.answer), count_code_points(answer.view())) < answer_short)
        out.push_back("W3");
    if (contains(normal_answer(f.question).view(), answer.view()) ||
        contains(normal_answer(f.real_subject).view(), answer.view()))
        out.push_back("W4");
    return out;
}

NewuserLine make_line(Recipient recipient, const Fields& f)
{
    NewuserLine out;
    out.contact = std::move(recipient.address);
    out.name = std::move(recipient.name);
    out.question = std::string(f.question);
    out.answer = Secret(f.answer);
    out.real_subject = std::string(f.real_subject);
    out.warnings = warnings_for(f);
    return out;
}

// The X-Direct-Pickup-* fields of a message, decoded; a missing one is empty.
struct PickupFields {
    Secret email, question, answer, expires, language, name;
    bool form = false;  // the person is named by fields, not by the Subject
};

Result<PickupFields> pickup_fields(const Headers& headers)
{
    PickupFields out;
    struct Field {
        const char* name;
        Secret PickupFields::*to;
        bool form;
    };
    constexpr std::array fields = {Field{"X-Direct-Pickup-Email", &PickupFields::email, true},
                                   Field{"X-Direct-Pickup-Question", &PickupFields::question, true},
                                   Field{"X-Direct-Pickup-Answer", &PickupFields::answer, true},
                                   Field{"X-Direct-Pickup-Expires", &PickupFields::expires, false},
                                   Field{"X-Direct-Pickup-Lang", &PickupFields::language, false},
                                   Field{"X-Direct-Pickup-Name", &PickupFields::name, false}};
    for (const Field& field : fields) {
        auto value = headers.only(field.name);
        if (!value) return fail(newuser_fault(Reason::newuser_subject_duplicate));
        if (!*value) continue;
        TRY(out.*field.to, readable_line(**value));
        out.form = out.form || field.form;
    }
    return out;
}

Result<NewuserLine> read_fields(const PickupFields& pickup, std::optional<std::string_view> subject,
                                const NewuserOptions& options)
{
    TRY(Recipient recipient, read_recipient(pickup.email.view(), options));
    Secret real;
    if (subject) {
        TRY(real, readable_line(*subject));
    }
    Fields fields{pickup.question.view(), pickup.answer.view(), real.view(), false};
    CHECK(check_question(fields));
    return make_line(std::move(recipient), fields);
}

// NUL and a lone CR make the whole header unreadable for the mail reader; told apart here, because
// the sender can act on the token.
Fault unreadable_header(std::string_view bytes, Fault fault)
{
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] == '\0' || (bytes[i] == '\r' && bytes.substr(i + 1, 1) != "\n"))
            return newuser_fault(Reason::newuser_subject_control);
    // What a reader says of a header line could quote it.
    fault.why = "the header cannot be read";
    return fault;
}

}  // namespace

Result<NewuserLine> read_newuser_value(std::string_view raw_value, const NewuserOptions& options)
{
    TRY(const Secret line, readable_line(raw_value));
    if (line.empty()) return fail(newuser_fault(Reason::newuser_subject_empty));
    const Halves halves = split_recipient(without_prefixes(line.view(), options.strip_prefixes));
    if (halves.open_quote) return fail(newuser_fault(Reason::newuser_email_quote));
    TRY(Recipient recipient, read_recipient(halves.recipient, options));
    Fields fields = split_rest(halves.rest);
    if (fields.question.empty() && fields.answer.empty() && is_an_address(fields.real_subject))
        return fail(newuser_fault(Reason::newuser_email_several));
    CHECK(check_question(fields));
    return make_line(std::move(recipient), fields);
}

Result<NewuserLine> read_newuser_headers(std::string_view header_bytes, const NewuserOptions& options)
{
    std::string whole;
    CleanseAtEnd wipe(whole);
    whole.reserve(header_bytes.size() + 4);
    whole += header_bytes;
    if (!whole.empty() && whole.back() != '\n') whole += "\r\n";
    whole += "\r\n";
    MimeLimits limits;  // the site's own have let it in
    limits.headers = std::max(limits.headers, whole.size());
    auto entity = read_entity(whole, limits);
    if (!entity) return fail(unreadable_header(header_bytes, std::move(entity).error()));

    TRY(const PickupFields pickup, pickup_fields(entity->headers));
    auto subject = entity->headers.only("Subject");
    if (!subject) return fail(newuser_fault(Reason::newuser_subject_duplicate));
    if (!pickup.form && !*subject) return fail(newuser_fault(Reason::newuser_subject_missing));

    auto line = pickup.form ? read_fields(pickup, *subject, options) : read_newuser_value(**subject, options);
    if (!line) return line;
    if (!pickup.name.empty()) line->name = std::string(pickup.name.view());
    line->expires = std::string(pickup.expires.view());
    line->language = std::string(pickup.language.view());
    return line;
}

}  // namespace direct
