// cert_find.cpp - can I send to this address, and if not, why not? Discovery and judgement as a message would have
// them, in words that may be forwarded to the partner. Changes nothing, opens no store.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "milter/base/text.h"
#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"
#include "milter/sta/partner.h"
#include "policy/discovery/cert_record.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;

/// The answer for one of our domains; without a configuration there is none, and nobody is trusted or not.
struct Outcome {
    std::string our_domain;
    PartnerVerdict partner;
    bool can_send() const { return partner.reason == Reason::sealed; }
};

class Finder {
public:
    Finder(const Common& common, std::shared_ptr<const Site> site, Address address)
        : common_(common), site_(std::move(site)), address_(std::move(address))
    {
    }
    int run(const CertFindOptions& given);

private:
    Outcome ask(const std::string& our_domain);
    std::string looked_for() const;
    std::string for_partner(const Outcome& outcome) const;
    std::string of_certificate(const PartnerCertificate& one) const;
    void print(const Outcome& outcome, bool trace) const;
    Json to_json(const Outcome& outcome) const;

    const Common& common_;
    std::shared_ptr<const Site> site_;
    Address address_;
    Engine engine_;
};

/// What can be said of a certificate without anchors.
Reason by_itself(const Certificate& c, const Address& address, Time now)
{
    if (!c.bound_to(address)) return Reason::sender_mismatch;
    if (now > c.not_after()) return Reason::expired;
    if (now < c.not_before()) return Reason::not_yet_valid;
    if (!c.strong_key()) return Reason::weak_key;
    return c.may_encrypt() && c.for_email() ? Reason::sealed : Reason::bad_usage;
}

Outcome Finder::ask(const std::string& our_domain)
{
    Judging judging(*site_, engine_, common_.now);
    if (!our_domain.empty()) return {our_domain, find_partner(*site_, judging, our_domain, address_, false)};
    PartnerVerdict verdict;
    verdict.found = site_->resolver->find(address_, judging.budget());
    if (verdict.found.answer == Discovery::Answer::later) return {"", std::move(verdict)};
    verdict.reason =
        verdict.found.certificates.empty() ? Reason::no_certificate : Reason::no_valid_certificate;
    for (const auto& c : verdict.found.certificates) {
        verdict.certificates.push_back({c, by_itself(c, address_, common_.now), {}});
        if (verdict.certificates.back().reason == Reason::sealed) verdict.reason = Reason::sealed;
    }
    return {"", std::move(verdict)};
}

/// Where a partner could publish a certificate so that it would be found; empty when nobody is asked.
std::string Finder::looked_for() const
{
    const auto& settings = *site_->settings;
    std::vector<std::string> names;
    if (auto name = dns_name_of(without_tag(address_)); name && settings.discovery_dns_address)
        names.push_back("at " + *name);
    if (settings.discovery_dns_domain) names.push_back("at " + address_.domain);
    std::string out = names.empty() ? "" : "CERT records in the DNS " + join(names, " and ");
    if (settings.discovery_ldap_address || settings.discovery_ldap_domain)
        out += (out.empty() ? "" : "; ") +
               ("entries in the LDAP servers named at _ldap._tcp." + address_.domain);
    return out;
}

std::string Finder::of_certificate(const PartnerCertificate& one) const
{
    const auto& c = one.certificate;
    if (one.reason == Reason::sealed) return "used";
    // Faults a partner can see in it himself come before what we think of its issuer.
    if (one.reason == Reason::sender_mismatch)
        return "not used: it names neither " + address_.text() + " nor " + address_.domain +
               " in its subject alternative name";
    if (common_.now > c.not_after()) return "not used: it expired on " + short_time(c.not_after()) + " UTC";
    if (common_.now < c.not_before())
        return "not used: it is not valid before " + short_time(c.not_before()) + " UTC";
    if (!c.may_encrypt()) return "not used: its key usage does not allow encryption";
    if (!c.for_email()) return "not used: its extended key usage does not name e-mail protection";
    return "not used: " + std::string(token_of(one.reason)) + ". " + std::string(row_of(one.reason).admin);
}

/// One paragraph a partner understands who knows nothing of our system.
std::string Finder::for_partner(const Outcome& outcome) const
{
    const auto& partner = outcome.partner;
    const std::string to = address_.text(), at = partner.found.step;
    const std::string us = outcome.our_domain.empty() ? "us" : outcome.our_domain;
    switch (partner.reason) {
        case Reason::sealed:
            return "A certificate for " + to + " was found (" + at + ")" +
                   (outcome.our_domain.empty()
                        ? "; whether it is trusted was not judged: there is no configuration here."
                        : " and is trusted by " + us + ".");
        case Reason::no_certificate:
            if (partner.found.answer == Discovery::Answer::found)
                return "What is published for " + to + " (" + at +
                       ") cannot be read as a certificate. Please publish it anew.";
            if (looked_for().empty())
                return "No certificate for " + to +
                       " is known here, and nothing is looked up (section discovery).";
            return "No certificate is published for " + to + ". Looked for: " + looked_for() +
                   ". Please publish one of them.";
        case Reason::no_path:
            return "The certificate of " + to + " cannot be led to an authority that " + us +
                   " trusts. Please have its issuer's certificate served where the certificate says "
                   "(authority "
                   "information access), or tell us under which authority it was issued.";
        case Reason::untrusted:
            return "The certificate of " + to + " was issued under an authority that " + us +
                   " does not trust. Both sides have to agree on trust before mail can be sent.";
        case Reason::policy:
            return "The certificate of " + to + " does not meet the certificate policy of " + us + ".";
        case Reason::no_valid_certificate:
            return "Certificates for " + to + " are published (" + at +
                   "), and none can be used; each is named with its reason. Please publish a valid one and "
                   "take the "
                   "others away. What is published at this place is binding: nothing is looked for after it.";
        default:
            return "Whether mail can be sent to " + to + " cannot be said now: " +
                   (partner.found.why.empty() ? std::string(row_of(partner.reason).admin)
                                              : partner.found.why) +
                   ". Mail waits and is tried again.";
    }
}

Json Finder::to_json(const Outcome& outcome) const
{
    const auto& partner = outcome.partner;
    Json json{{"address", address_.text()},
              {"domain", outcome.our_domain},
              {"answer", outcome.can_send()             ? "yes"
                         : is_temporary(partner.reason) ? "later"
                                                        : "no"},
              {"decision", token_of(partner.reason)},
              {"trust_judged", !outcome.our_domain.empty()},
              {"step", partner.found.step},
              {"for_partner", for_partner(outcome)}};
    if (!partner.found.why.empty()) json["why"] = partner.found.why;
    json["certificates"] = Json::array();
    for (const auto& one : partner.certificates) {
        const auto& c = one.certificate;
        json["certificates"].push_back({{"subject", c.subject()},
                                        {"issuer", c.issuer()},
                                        {"serial", c.serial()},
                                        {"not_before", iso8601(c.not_before())},
                                        {"not_after", iso8601(c.not_after())},
                                        {"fingerprint", c.fingerprint()},
                                        {"used", one.reason == Reason::sealed},
                                        {"decision", token_of(one.reason)},
                                        {"why", of_certificate(one)},
                                        {"because", one.because}});
    }
    json["trace"] = partner.found.trace;
    return json;
}

void Finder::print(const Outcome& outcome, bool trace) const
{
    auto line = [](const std::string& text) { std::printf("%s\n", printable(text).c_str()); };
    const auto& partner = outcome.partner;
    const std::string from = outcome.our_domain.empty() ? "" : " from " + outcome.our_domain;
    const char* answer = outcome.can_send() ? "yes" : is_temporary(partner.reason) ? "not now" : "no";
    line("Can mail be sent to " + address_.text() + from + "? " + answer + " (" +
         std::string(token_of(partner.reason)) + ")");
    line(for_partner(outcome));
    for (const auto& one : partner.certificates) {
        const auto& c = one.certificate;
        line("");
        line("Certificate " + c.subject());
        line("  issued by " + c.issuer() + ", serial " + c.serial());
        line("  valid from " + short_time(c.not_before()) + " to " + short_time(c.not_after()) + " UTC");
        line("  SHA-256 " + c.fingerprint());
        line("  " + of_certificate(one));
        for (const auto& why : one.because)
            if (one.reason != Reason::sealed || trace) line("  - " + why);
    }
    if (!trace) return;
    line("");
    line("What was asked, in order:");
    for (const auto& step : partner.found.trace) line("  " + step);
    if (!partner.found.why.empty()) line("  " + partner.found.why);
}

int Finder::run(const CertFindOptions& given)
{
    std::vector<std::string> domains;
    for (const auto& d : site_->settings->domains)
        if (given.domain.empty() || d.name == given.domain) domains.push_back(d.name);
    if (!given.domain.empty() && domains.empty())
        return tell_usage("--domain " + given.domain + ": no [[domain]] of the configuration");
    if (domains.empty()) domains.emplace_back();
    bool yes = false, waits = false;
    Json all = Json::array();
    for (const auto& domain : domains) {
        auto outcome = ask(domain);
        yes = yes || outcome.can_send();
        waits = waits || is_temporary(outcome.partner.reason);
        if (common_.json)
            all.push_back(to_json(outcome));
        else
            print(outcome, given.trace);
    }
    if (common_.json)
        std::printf("%s\n", (all.size() == 1 ? all[0] : Json{{"domains", all}})
                                .dump(-1, ' ', false, Json::error_handler_t::replace)
                                .c_str());
    return yes ? done : waits ? later : refused;
}

/// Mail between our own addresses stays here (G15).
int tell_own(const Address& address, bool json)
{
    const std::string text =
        address.text() + " is in a Direct domain of ours: mail to it stays here and nothing is looked up.";
    if (json)
        std::printf(
            "%s\n",
            Json{{"address", address.text()}, {"answer", "local"}, {"for_partner", text}}.dump().c_str());
    else
        std::printf("%s\n", printable(text).c_str());
    return done;
}

}  // namespace

int cmd_cert_find(const Common& common, const CertFindOptions& given)
{
    auto address = parse_address(given.address, true);
    if (!address) return tell_usage(given.address + ": no address");
    auto settings = settings_or_defaults(common);
    if (!settings) return tell(settings.error());
    const bool configured = !(*settings)->domains.empty();
    if (configured && ::geteuid() == 0)
        if (auto became = become_store_owner(**settings); !became) return tell(became.error());
    auto normal = given.domain.empty() ? Result<std::string>("") : normal_domain(given.domain);
    if (!normal) return tell_usage("--domain " + given.domain + ": no domain");
    if ((*settings)->domain(address->domain)) return tell_own(*address, common.json);
    auto options = given;
    options.domain = *normal;
    return Finder(common, load_site(*settings, common.now), *address).run(options);
}

}  // namespace direct::ctl
