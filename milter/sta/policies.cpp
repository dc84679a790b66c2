#include "milter/sta/policies.h"

#include <algorithm>

namespace direct {
namespace {

std::string_view name_of(PolicyPlace place)
{
    return place == PolicyPlace::own_key ? "private" : place == PolicyPlace::partner ? "public" : "trust";
}

/// Without the line of the text and its caret: reasons are lines.
std::string first_line(const std::string& text)
{
    return text.substr(0, text.find('\n'));
}

}  // namespace

FetchOptions fetch_options_of(const Settings& settings)
{
    FetchOptions options;
    options.connect_timeout = settings.fetch_connect_timeout;
    options.total_timeout = settings.fetch_timeout;
    options.redirects_max = static_cast<int>(settings.fetch_redirects);
    options.bytes_max = settings.fetch_bytes_max;
    options.allow_networks = settings.fetch_allow_networks;
    options.ca_file = settings.fetch_ca_file;
    return options;
}

UriCheck uri_check_of(const Settings& settings)
{
    if (!settings.policy_allow_uri_check) return {};
    return [fetcher = std::make_shared<const Fetcher>(fetch_options_of(settings))](
               std::string_view url) -> Result<bool> {
        FetchRequest request;
        request.url = url;
        Budget budget{std::chrono::steady_clock::now() + fetcher->options().total_timeout};
        // Whatever keeps it from answering, it does not answer: that is the operator's false.
        return fetcher->fetch(request, budget).has_value();
    };
}

void DomainPolicies::attach(const DomainSettings& domain, PolicyPlace place, const PolicyUse& use,
                            bool network)
{
    Attached attached{place, use.incoming, use.outgoing, use.file, {}, ""};
    auto policy = CertificatePolicy::load(use.file);
    if (!policy)
        attached.fault = policy.error().why;
    else if (policy->asks_network() && !network)
        attached.fault = use.file + ": the operator @@ asks the network; policy.allow_uri_check is off";
    else
        attached.policy = *policy;
    auto where = "domain " + domain.name + ", policies." + std::string(name_of(place)) + ": ";
    if (!attached.policy) faults_.push_back(where + attached.fault);
    if (policy)
        for (const auto& note : policy->notes()) notes_.push_back(where + first_line(note));
    by_domain_[domain.name].push_back(std::move(attached));
}

DomainPolicies DomainPolicies::load(const Settings& settings)
{
    DomainPolicies all;
    all.uri_check_ = uri_check_of(settings);
    bool network = settings.policy_allow_uri_check;
    for (const auto& domain : settings.domains) {
        for (const auto& use : domain.policies_private)
            all.attach(domain, PolicyPlace::own_key, use, network);
        for (const auto& use : domain.policies_public) all.attach(domain, PolicyPlace::partner, use, network);
        for (const auto& use : domain.policies_trust) all.attach(domain, PolicyPlace::trust, use, network);
    }
    return all;
}

std::optional<std::string> DomainPolicies::against(const std::string& normal_domain, PolicyPlace place,
                                                   Direction direction, const Certificate& certificate) const
{
    auto found = by_domain_.find(normal_domain);
    if (found == by_domain_.end()) return {};
    for (const auto& attached : found->second) {
        if (attached.place != place) continue;
        if (!(direction == Direction::incoming ? attached.incoming : attached.outgoing)) continue;
        if (attached.policy &&
            attached.policy->evaluate(certificate, uri_check_).kind == PolicyAnswer::complies)
            continue;
        auto why =
            attached.policy ? attached.policy->why_not(certificate, uri_check_) : first_line(attached.fault);
        return certificate.subject() + " does not meet policies." + std::string(name_of(place)) + " " +
               attached.file + ": " + why;
    }
    return {};
}

std::optional<std::string> DomainPolicies::against(const std::string& normal_domain, Direction direction,
                                                   const Certificate& certificate) const
{
    if (auto why = against(normal_domain, PolicyPlace::partner, direction, certificate)) return why;
    return against(normal_domain, PolicyPlace::trust, direction, certificate);
}

std::vector<const OwnKey*> DomainPolicies::allowed(std::vector<const OwnKey*> keys,
                                                   const std::string& normal_domain, Direction direction,
                                                   std::vector<std::string>& because) const
{
    std::erase_if(keys, [&](const OwnKey* key) {
        auto why = against(normal_domain, PolicyPlace::own_key, direction, key->certificate);
        if (why) because.push_back("our key: " + *why);
        return why.has_value();
    });
    return keys;
}

}  // namespace direct
