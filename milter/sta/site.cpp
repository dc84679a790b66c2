#include "milter/sta/site.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "policy/discovery/dns_client.h"
#include "policy/discovery/ldap_resolver.h"

namespace direct {
namespace {

std::string host_name()
{
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return name[0] ? ascii_lower(name) : "localhost";
}

/// Local Direct addresses are answered from our own keys, without asking anybody (G15).
class OwnKeysResolver : public CertificateResolver {
public:
    OwnKeysResolver(std::shared_ptr<const Settings> settings, KeyRing keys)
        : settings_(std::move(settings)), keys_(std::move(keys))
    {
    }
    Discovery find(const Address& address, const Budget&) override
    {
        Discovery found;
        found.answer = Discovery::Answer::not_found;
        if (!settings_->domain(address.domain)) return found;
        found.step = "own keys";
        found.certificates = keys_.certificates_of(address);
        if (auto trouble = keys_.trouble(address); found.certificates.empty() && !trouble.empty()) {
            found.answer = Discovery::Answer::later;
            found.why = "a key cannot be read: " + trouble.front();
            return found;
        }
        found.trace.push_back("own keys: " + std::to_string(found.certificates.size()) + " for " +
                              address.text());
        // An address of ours that has no key is final as well: nobody else may answer for our domain.
        found.answer = Discovery::Answer::found;
        return found;
    }

private:
    std::shared_ptr<const Settings> settings_;
    KeyRing keys_;
};

/// What partners publish, in the order of G1. Nothing is started before the first question.
void add_network_steps(const Settings& settings, std::vector<std::unique_ptr<CertificateResolver>>& steps)
{
    auto dns = std::make_shared<DnsClient>(dns_options_of(settings));
    if (settings.discovery_dns_address)
        steps.push_back(std::make_unique<DnsResolver>(dns, DnsResolver::Step::address));
    if (settings.discovery_dns_domain)
        steps.push_back(std::make_unique<DnsResolver>(dns, DnsResolver::Step::domain));
    if (settings.discovery_ldap_address || settings.discovery_ldap_domain)
        steps.push_back(std::make_unique<LdapResolver>(dns, ldap_rules_of(settings)));
}

}  // namespace

MimeLimits Site::mime_limits() const
{
    return {settings->limits_headers, static_cast<std::size_t>(settings->limits_mime_parts),
            static_cast<std::size_t>(settings->limits_mime_depth)};
}

CmsLimits Site::cms_limits() const
{
    return {static_cast<std::size_t>(settings->limits_cms_infos)};
}

const DomainSettings* Site::domain_of(const Address& address) const
{
    return settings->domain(address.domain);
}

std::vector<std::string> Site::read_all(const std::function<bool()>& go_on) const
{
    keys.read_all(go_on);
    anchors.read_all(go_on);
    auto out = keys.findings();
    auto told = anchors.findings();
    out.insert(out.end(), told.begin(), told.end());
    return out;
}

bool Site::is_newuser(const Address& address) const
{
    const auto* domain = domain_of(address);
    if (!domain || domain->newuser.empty()) return false;
    return without_tag(address).key() ==
           Address{domain->newuser, domain->name}.key();  // quotes and tags included
}

std::string Site::report_domain() const
{
    return settings->reinject_report_domain.empty() ? "direct-report." + host
                                                    : settings->reinject_report_domain;
}

std::shared_ptr<const Site> load_site(std::shared_ptr<const Settings> settings, Time now)
{
    auto site = std::make_shared<Site>();
    site->settings = settings;
    site->host = host_name();
    site->authserv_id = settings->milter_authserv_id.empty() ? site->host : settings->milter_authserv_id;
    site->keys = KeyRing::load(settings->store_keys);
    auto trust = load_trust(*settings, now);
    site->file_anchors = std::move(trust.files);
    site->anchors = std::move(trust.anchors);
    site->bundles = std::move(trust.bundles);
    site->policies = DomainPolicies::load(*settings);
    site->fetcher = std::make_shared<const Fetcher>(fetch_options_of(*settings));
    auto files = std::make_unique<FileResolver>(settings->store_certificates);
    site->findings = files->findings();
    site->findings.insert(site->findings.end(), trust.findings.begin(), trust.findings.end());
    std::vector<std::unique_ptr<CertificateResolver>> steps;
    steps.push_back(std::make_unique<OwnKeysResolver>(settings, site->keys));
    steps.push_back(std::move(files));
    add_network_steps(*settings, steps);
    site->resolver = std::make_shared<ResolverChain>(std::move(steps));
    return site;
}

std::shared_ptr<const Site> with_new_trust(const std::shared_ptr<const Site>& before, Time now)
{
    auto site = std::make_shared<Site>(*before);
    auto trust = load_trust(*before->settings, now, before->file_anchors);
    site->anchors = std::move(trust.anchors);
    site->bundles = std::move(trust.bundles);
    site->findings = std::move(trust.findings);
    return site;
}

Result<std::shared_ptr<const Site>> load_site(const std::string& config_file, Time now)
{
    TRY(auto settings, load_settings(config_file));
    auto site = load_site(std::move(settings), now);
    // A rule the site wrote down and nobody can apply: better no start than everything refused.
    if (!site->policies.faults().empty()) return fail(misconfigured(join(site->policies.faults(), "\n")));
    return site;
}

namespace {

std::uint64_t cores_or(std::size_t at_once)
{
    return at_once ? at_once : static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

thread_local std::chrono::steady_clock::time_point key_operation_began;

}  // namespace

KeyGate::KeyGate(std::size_t at_once, milliseconds wait) : gate_(cores_or(at_once)), wait_(wait) {}

void KeyGate::resize(std::size_t at_once, milliseconds wait)
{
    wait_ = wait;
    gate_.resize(cores_or(at_once));
}

Status KeyGate::enter()
{
    Timed timed(Metric::key_operation_wait_seconds);
    if (!gate_.enter(1, Patience::until(wait_)))
        return fail(temporary("no free key operation within limits.work_wait (milter.key_operations)"));
    key_operation_began = std::chrono::steady_clock::now();
    return Done{};
}

void KeyGate::leave()
{
    observe(Metric::key_operation_seconds, std::chrono::steady_clock::now() - key_operation_began);
    gate_.leave(1);
}

}  // namespace direct
