// address.cpp - the grammar of addresses, by hand: library parsers take "jane", "jane @ x.org" and
// "x.org." for addresses. One function reads; parse and diagnose only translate what it found.
// Pure functions, thread safe.
#include "milter/base/address.h"

#include <glib.h>
#include <idn2.h>

#include <algorithm>

#include "milter/base/text.h"

namespace direct {

namespace {

constexpr std::size_t local_max = 64;    // RFC 5321 section 4.5.3.1.1
constexpr std::size_t domain_max = 253;  // 255 octets on the wire, RFC 1035 section 2.3.4
constexpr std::size_t label_max = 63;

bool ascii(char c)
{
    return static_cast<unsigned char>(c) < 0x80;
}
bool all_ascii(std::string_view s)
{
    return std::all_of(s.begin(), s.end(), ascii);
}
bool control(char c)
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool digit(char c)
{
    return c >= '0' && c <= '9';
}
bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 5322 section 3.2.3, and any octet of UTF-8 (RFC 6532).
bool atext(char c)
{
    return letter(c) || digit(c) || !ascii(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool dot_atom(std::string_view s)
{
    if (s.empty() || s.front() == '.' || s.back() == '.' || s.find("..") != std::string_view::npos)
        return false;
    return std::all_of(s.begin(), s.end(), [](char c) { return c == '.' || atext(c); });
}

// What a person cannot see, or what turns text round, makes two addresses look like one.
bool visible_utf8(std::string_view s)
{
    if (!valid_utf8(s)) return false;
    for (std::size_t i = 0; i < s.size(); i += utf8_sequence(s, i)) {
        if (ascii(s[i])) continue;
        switch (g_unichar_type(g_utf8_get_char(s.data() + i))) {
            case G_UNICODE_CONTROL:
            case G_UNICODE_FORMAT:
            case G_UNICODE_SURROGATE:
            case G_UNICODE_UNASSIGNED:
            case G_UNICODE_PRIVATE_USE:
            case G_UNICODE_LINE_SEPARATOR:
            case G_UNICODE_PARAGRAPH_SEPARATOR:
            case G_UNICODE_SPACE_SEPARATOR:
                return false;
            default:
                break;
        }
    }
    return true;
}

std::string taken(char* p)
{
    std::string out = p ? p : "";
    g_free(p);
    return out;
}

std::string folded(std::string_view local)
{
    if (all_ascii(local) || !valid_utf8(local) || local.find('\0') != std::string_view::npos)
        return ascii_lower(local);
    auto compose = [](const std::string& s) {
        return taken(g_utf8_normalize(s.data(), static_cast<gssize>(s.size()), G_NORMALIZE_DEFAULT_COMPOSE));
    };
    // Canonical forms only: a compatibility form is another mailbox.
    const auto composed = compose(std::string(local));
    return compose(taken(g_utf8_casefold(composed.data(), static_cast<gssize>(composed.size()))));
}

std::string quoted_where_needed(const std::string& content)
{
    if (dot_atom(content)) return content;
    std::string out = "\"";
    for (const char c : content) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

bool ldh_label(std::string_view label)
{
    if (label.empty() || label.size() > label_max || label.front() == '-' || label.back() == '-')
        return false;
    return std::all_of(label.begin(), label.end(), [](char c) { return letter(c) || digit(c) || c == '-'; });
}

bool ldh_domain(std::string_view domain)
{
    if (domain.empty() || domain.size() > domain_max) return false;
    const auto labels = split(domain, '.');
    // A number at the end would be read as an IPv4 address by others (RFC 1123 section 2.1).
    return std::all_of(labels.begin(), labels.end(), ldh_label) &&
           !std::all_of(labels.back().begin(), labels.back().end(), digit);
}

bool has_a_label(std::string_view lower_domain)
{
    return lower_domain.starts_with("xn--") || lower_domain.find(".xn--") != std::string_view::npos;
}

Fault no_domain()
{
    return refuse(Reason::malformed, "not a domain name");
}

struct Read {
    AddressFault fault = AddressFault::none;
    Address address;
};

// Where a quoted string that begins at text[0] ends (one behind the closing mark); npos: it does not.
std::size_t end_of_quoted(std::string_view text)
{
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            return i + 1;
    }
    return std::string_view::npos;
}

AddressFault judge_local(std::string_view local, bool utf8)
{
    if (!all_ascii(local)) {
        if (!valid_utf8(local)) return AddressFault::syntax;
        if (!utf8) return AddressFault::local_utf8;
        if (!visible_utf8(local)) return AddressFault::local;
    }
    if (local.empty() || local.size() > local_max) return AddressFault::local;
    if (local.front() == '"') return local.size() > 2 ? AddressFault::none : AddressFault::local;
    return dot_atom(local) ? AddressFault::none : AddressFault::local;
}

// How far the local part goes, or the fault that makes the question pointless.
Read find_at(std::string_view text, std::size_t& at)
{
    if (std::any_of(text.begin(), text.end(), control)) return {AddressFault::syntax, {}};
    if (text.front() == '"') {
        at = end_of_quoted(text);
        if (at == std::string_view::npos) return {AddressFault::quote, {}};
        if (at == text.size() || text[at] != '@') return {AddressFault::syntax, {}};
        return {};
    }
    at = 0;
    while (at < text.size() && (text[at] == '.' || atext(text[at]))) ++at;
    if (at < text.size() && text[at] == '@') return {};
    const bool open = at < text.size() && text[at] == '"' && std::count(text.begin(), text.end(), '"') % 2;
    return {open ? AddressFault::quote : AddressFault::syntax, {}};
}

Read read_address(std::string_view text, bool utf8, bool one_label)
{
    if (text.empty()) return {AddressFault::empty, {}};
    std::size_t at = 0;
    if (auto found = find_at(text, at); found.fault != AddressFault::none) return found;
    const auto local = text.substr(0, at);
    const auto domain = text.substr(at + 1);

    // A character that belongs into no domain at all means that this is not one address.
    const bool literal = domain.starts_with('[');
    if (!literal && domain.find_first_of(" ()<>[]:;@\\,\"") != std::string_view::npos)
        return {AddressFault::syntax, {}};
    if (const auto fault = judge_local(local, utf8); fault != AddressFault::none) return {fault, {}};
    if (literal) return {AddressFault::literal, {}};
    auto normal = normal_domain(domain);
    if (!normal || (!one_label && normal->find('.') == std::string::npos)) return {AddressFault::domain, {}};
    return {AddressFault::none, {std::string(local), *std::move(normal)}};
}

const char* words(AddressFault fault)
{
    switch (fault) {
        case AddressFault::none:
            return "an address";
        case AddressFault::empty:
            return "an empty address";
        case AddressFault::syntax:
            return "not of the form local@domain";
        case AddressFault::quote:
            return "a quotation mark that is not closed";
        case AddressFault::local:
            return "not a local part before the @";
        case AddressFault::local_utf8:
            return "not ASCII before the @";
        case AddressFault::domain:
            return "not a domain name after the @";
        case AddressFault::literal:
            return "an address literal after the @";
    }
    return "not an address";
}

}  // namespace

std::string Address::key() const
{
    return quoted_where_needed(folded(unquoted_local(local))) + "@" + ascii_lower(domain);
}

Result<Address> parse_address(std::string_view text, bool utf8, bool one_label)
{
    auto read = read_address(text, utf8, one_label);
    if (read.fault != AddressFault::none)
        return fail(refuse(Reason::malformed, std::string("address: ") + words(read.fault)));
    return std::move(read.address);
}

AddressFault diagnose_address(std::string_view text, bool utf8)
{
    return read_address(text, utf8, false).fault;
}

Result<std::optional<Address>> parse_path(std::string_view path)
{
    if (path == "<>") return std::optional<Address>();
    if (path.size() >= 2 && path.front() == '<' && path.back() == '>') path = path.substr(1, path.size() - 2);
    TRY(auto address, parse_address(path, true, true));
    return std::optional<Address>(std::move(address));
}

Result<std::string> normal_domain(std::string_view domain)
{
    // Four octets a character at most before mapping; longer input is not worth the mapping.
    if (domain.empty() || domain.size() > 4 * domain_max || domain.find('\0') != std::string_view::npos)
        return fail(no_domain());
    auto lower = ascii_lower(domain);
    const bool plain = all_ascii(lower);
    if (plain && !ldh_domain(lower)) return fail(no_domain());
    // libidn2 knows no domain of ASCII only that it could improve, and it refuses "ab--cd".
    if (plain && !has_a_label(lower)) return lower;
    if (!valid_utf8(lower)) return fail(no_domain());

    // Without IDN2_USE_STD3_ASCII_RULES: with it, libidn2 drops '_' silently, which makes another domain.
    // Punycode leaves ASCII readable, so the check below sees what the mapping brought in.
    char* raw = nullptr;
    const int rc =
        idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(lower.c_str()),
                       reinterpret_cast<std::uint8_t**>(&raw), IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    std::string out = rc == IDN2_OK && raw ? ascii_lower(raw) : std::string();
    idn2_free(raw);
    if (!ldh_domain(out)) return fail(no_domain());
    return out;
}

Address without_tag(const Address& a)
{
    const auto content = unquoted_local(a.local);
    const auto plus = content.find('+');
    if (plus == std::string::npos || plus == 0) return a;
    auto plain = quoted_where_needed(content.substr(0, plus));
    if (plain.size() > local_max) return a;  // "name." needs quotes where "name.+tag" needed none
    return {std::move(plain), a.domain};
}

std::string unquoted_local(std::string_view local)
{
    if (local.size() < 2 || local.front() != '"' || local.back() != '"') return std::string(local);
    std::string out;
    local = local.substr(1, local.size() - 2);
    for (std::size_t i = 0; i < local.size(); ++i) {
        if (local[i] == '\\' && i + 1 < local.size()) ++i;
        out += local[i];
    }
    return out;
}

}  // namespace direct
