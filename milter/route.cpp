#include "milter/route.h"

#include <algorithm>

#include "milter/base/text.h"
#include "milter/sta/outbound.h"

namespace direct {
namespace {

bool listed(const std::vector<std::string>& names, const std::string& name)
{
    return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
}

bool loopback(const std::string& ip)
{
    return ip.starts_with("127.") || ip == "::1";
}

/// Does any From field mention a Direct domain of ours, however broken the field is? What cannot be
/// read must not be taken for a stranger's.
bool mentions_our_domain(const Site& site, const std::vector<std::string>& fields)
{
    for (const auto& field : fields) {
        auto text = ascii_lower(field);
        for (const auto& domain : site.settings->domains)
            if (text.find(domain.name) != std::string::npos) return true;
    }
    return false;
}

bool in_our_domain(const Site& site, const std::string& text)
{
    auto address = parse_path(text);
    return address && *address && site.domain_of(**address);
}

/// Does the path name a domain of ours where a mail router looks for one: after '@', '%', '!' or ':', or at
/// the beginning, and ending there?
bool routes_to_us(const Site& site, const std::string& lower_path)
{
    constexpr std::string_view before = "<\"@%!:,", after = ">\"@%!:,";
    for (const auto& domain : site.settings->domains)
        for (auto at = lower_path.find(domain.name); at != std::string::npos;
             at = lower_path.find(domain.name, at + 1)) {
            auto end = at + domain.name.size();
            bool begins = at == 0 || before.find(lower_path[at - 1]) != std::string_view::npos;
            bool ends = end == lower_path.size() || after.find(lower_path[end]) != std::string_view::npos;
            if (begins && ends) return true;
        }
    return false;
}

/// What Postfix makes of a path it reads leniently: without comments and blanks.
std::string without_comments(std::string_view path)
{
    std::string out;
    int depth = 0;
    for (char c : path) {
        if (c == '(') ++depth;
        if (depth == 0 && c != ' ' && c != '\t') out += c;
        if (c == ')' && depth > 0) --depth;
    }
    return out;
}

/// A path that we cannot read and that names a domain of ours anywhere ("bob@direct.clinic.example."): Postfix may read it.
bool may_name_us(const Site& site, const std::string& lower_path)
{
    const auto& domains = site.settings->domains;
    return std::any_of(domains.begin(), domains.end(), [&](const auto& d) {
        return lower_path.find(d.name) != std::string::npos ||
               without_comments(lower_path).find(d.name) != std::string::npos;
    });
}

/// A domain without a dot that Postfix would complete to one of ours (append_dot_mydomain).
bool completes_to_us(const Site& site, const std::string& lower_path)
{
    auto at = lower_path.rfind('@');
    auto end = lower_path.find('>', at == std::string::npos ? 0 : at);
    if (at == std::string::npos) return false;
    auto label = lower_path.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    while (label.ends_with('.')) label.pop_back();
    if (label.empty() || label.find('.') != std::string::npos) return false;
    const auto& domains = site.settings->domains;
    return std::any_of(domains.begin(), domains.end(),
                       [&](const auto& d) { return d.name.starts_with(label + "."); });
}

/// Only Postfix itself, from this machine, and only to addresses we have made up: direct-dsn+TOKEN and
/// notice+TOKEN of the report domain.
bool genuine_report(const Site& site, const RouteInput& input)
{
    if (!loopback(input.client_ip) || input.recipients.empty()) return false;
    return std::all_of(input.recipients.begin(), input.recipients.end(), [&](const Recipient& r) {
        return r.address && !r.ours && r.address->domain == site.report_domain() &&
               (r.address->local.starts_with("direct-dsn+") || r.address->local.starts_with("notice+"));
    });
}

struct Author {
    std::optional<Address> from, sender;
    bool readable = false;
    bool ours = false;  ///< From is in a Direct domain of ours, or may be
};

Author read_author(const Site& site, const RouteInput& input)
{
    Author author;
    if (input.from_fields.size() == 1) {
        auto list = addresses_in(input.from_fields.front());
        if (list && list->size() == 1) author.from = list->front();
    }
    bool sender_ok = input.sender_fields.empty();
    if (input.sender_fields.size() == 1) {
        auto list = addresses_in(input.sender_fields.front());
        if (list && list->size() == 1) author.sender = list->front(), sender_ok = true;
    }
    author.readable = author.from && sender_ok;
    // What cannot be read is not taken for a stranger's when anything about it points to us.
    author.ours = author.readable
                      ? site.domain_of(*author.from) != nullptr
                      : mentions_our_domain(site, input.from_fields) ||
                            in_our_domain(site, input.envelope_from) || in_our_domain(site, input.login);
    return author;
}

bool may_use(const Site& site, const RouteInput& input, bool trusted_local, const Address& who)
{
    if (!input.login.empty()) return may_send_as(site, input.login, who);
    return trusted_local ? !site.is_newuser(who) : client_may_send_as(site, input.client_ip, who);
}

Route refuse_route(Reason reason, std::string because)
{
    Route r;
    r.way = Way::refuse;
    r.reason = reason;
    r.because = std::move(because);
    return r;
}

}  // namespace

Recipient classify_recipient(const Site& site, std::string path)
{
    Recipient r;
    r.path = std::move(path);
    if (auto parsed = parse_path(r.path); parsed && *parsed) r.address = **parsed;
    r.ours = r.address && site.domain_of(*r.address);
    r.newuser = r.ours && site.is_newuser(*r.address);
    auto lower = ascii_lower(r.path);
    if (!r.ours && (routes_to_us(site, lower) || completes_to_us(site, without_comments(lower)) ||
                    (!r.address && may_name_us(site, lower)))) {
        // Postfix would route it on to a domain of ours (user%domain@host, domain!user, a quoted address, user@direct).
        // Ours, and without an address: refused, whatever it leads to.
        r.ours = true;
        r.address.reset();
    }
    return r;
}

Route route(const Site& site, const RouteInput& input)
{
    Route result;
    const auto& settings = *site.settings;
    if (listed(settings.listeners_report, input.daemon_name)) {
        if (!genuine_report(site, input))
            return refuse_route(Reason::not_authorised, "the report listener takes delivery reports only");
        result.way = Way::report;
        return result;
    }
    bool any_ours =
        std::any_of(input.recipients.begin(), input.recipients.end(), [](auto& r) { return r.ours; });
    auto author = read_author(site, input);

    bool submission = listed(settings.listeners_submission, input.daemon_name);
    // A listener for the outside stays one, also behind a proxy or content filter on this machine.
    bool trusted_local = settings.listeners_local == "submission" && input.login.empty() &&
                         loopback(input.client_ip) && input.daemon_name != "mx";
    bool authorised = !input.login.empty() || trusted_local ||
                      (submission && author.from && client_may_send_as(site, input.client_ip, *author.from));
    if (authorised && author.ours) {
        if (!author.readable) return refuse_route(Reason::malformed, "not exactly one readable From address");
        for (const auto* who : {&author.from, &author.sender})
            if (*who && !may_use(site, input, trusted_local, **who))
                return refuse_route(Reason::not_authorised, (input.login.empty() ? "client " + input.client_ip
                                                                                 : "login " + input.login) +
                                                                " may not send as " + (*who)->text());
        result.way = Way::outbound;
        result.from = author.from;
        return result;
    }
    if (authorised && any_ours) {
        // Our own user with an ordinary From: plain mail like anybody's.
        result.way = Way::inbound;
        result.plain_submission = true;
        return result;
    }
    if (any_ours) {
        result.way = Way::inbound;
        return result;
    }
    if (author.ours && !authorised)
        return refuse_route(Reason::not_authorised,
                            "From is in a Direct domain of ours, without a login that may use it");
    result.way = Way::not_ours;
    return result;
}

}  // namespace direct
