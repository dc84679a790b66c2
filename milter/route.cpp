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
    return ip.empty() || ip.starts_with("127.") || ip == "::1";
}

/// Does any From field mention a Direct domain of ours, however broken the field is? What cannot be
/// read must not be taken for a stranger's.
bool mentions_our_domain(const Site& site, const std::vector<std::string>& fields)
{
    for (const auto& field : fields) {
        auto text = ascii_lower(field);
        for (const auto& domain : site.settings->domains)
            if (text.find("@" + domain.name) != std::string::npos) return true;
    }
    return false;
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
    author.ours = author.readable ? site.domain_of(*author.from) != nullptr
                                  : mentions_our_domain(site, input.from_fields);
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
    if (auto parsed = parse_path(r.path); parsed && *parsed) {
        r.address = **parsed;
        r.ours = site.domain_of(*r.address) != nullptr;
        r.newuser = r.ours && site.is_newuser(*r.address);
    } else {
        // A path our reader refuses but Postfix took: when it names a domain of ours it is treated as ours, so
        // that nothing can slip past by odd spelling.
        auto text = ascii_lower(r.path);
        for (const auto& domain : site.settings->domains)
            if (text.find("@" + domain.name) != std::string::npos) r.ours = true;
    }
    return r;
}

Route route(const Site& site, const RouteInput& input)
{
    Route result;
    const auto& settings = *site.settings;
    if (listed(settings.listeners_report, input.daemon_name)) {
        result.way = Way::report;
        return result;
    }
    bool any_ours =
        std::any_of(input.recipients.begin(), input.recipients.end(), [](auto& r) { return r.ours; });
    auto author = read_author(site, input);

    bool submission = listed(settings.listeners_submission, input.daemon_name);
    bool trusted_local =
        settings.listeners_local == "submission" && input.login.empty() && loopback(input.client_ip);
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
