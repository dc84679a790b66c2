// check_discovery.cpp - see check_discovery.h.
#include "milter/ctl/check_discovery.h"

#include <unistd.h>

#include <algorithm>
#include <future>

#include "policy/discovery/dns_client.h"
#include "policy/discovery/ldap_resolver.h"

namespace direct::ctl {
namespace {

bool asks_ldap(const Settings& s)
{
    return s.discovery_ldap_address || s.discovery_ldap_domain;
}

bool asks_dns(const Settings& s)
{
    return s.discovery_dns_address || s.discovery_dns_domain || asks_ldap(s);
}

/// Which name servers, and why they do not answer ("": they do).
struct Asked {
    std::string who, why;
};

/// One question that only a server for every name can answer, and that is signed.
Asked ask(const std::string& who, const DnsOptions& options, SteadyTime until)
{
    DnsClient client(options);
    auto answer = client.query(".", DnsType::ns, until);
    return {who, answer.kind == DnsAnswer::Kind::temporary ? answer.why : ""};
}

/// Each server of the settings by itself, all at once; those of /etc/resolv.conf together.
std::vector<Asked> ask_all(const Settings& settings, SteadyTime until)
{
    const DnsOptions options = dns_options_of(settings);
    if (options.servers.empty()) return {ask("the name servers of " + options.resolv_conf, options, until)};
    std::vector<std::future<Asked>> asking;
    for (const auto& server : options.servers) {
        DnsOptions alone = options;
        alone.servers = {server};
        asking.push_back(std::async(std::launch::async, ask, "name server " + server, alone, until));
    }
    std::vector<Asked> all;
    for (auto& one : asking) all.push_back(one.get());
    return all;
}

std::string remedy_for(const Settings& settings, const std::string& why)
{
    if (why.starts_with("DNSSEC"))
        return "it, or a firewall before it, does not pass signatures on: ask another one "
               "(discovery.dns_servers), or set discovery.dnssec = \"off\"";
    std::string out =
        "set discovery.dns_servers to servers that answer for every name; where there are none, set "
        "dns_address, dns_domain, ldap_address and ldap_domain of [discovery] to false and put partners' "
        "certificates into " +
        settings.store_certificates;
    if (!settings.discovery_dns_address && !settings.discovery_dns_domain)
        out += ". LDAP alone needs it too: the DNS names the servers of a partner";
    return out;
}

void check_servers(const Settings& settings, SteadyTime until, Findings& findings)
{
    auto all = ask_all(settings, until);
    const auto silent =
        std::count_if(all.begin(), all.end(), [](const Asked& one) { return !one.why.empty(); });
    const bool none = silent == static_cast<std::ptrdiff_t>(all.size());
    for (const auto& one : all) {
        if (one.why.empty()) continue;
        const std::string what = "no answer that counts from " + one.who + ": " + one.why;
        if (none)
            findings.fault(what + "; no certificate of a partner is found, mail to them waits",
                           remedy_for(settings, one.why));
        else
            findings.warning(what, "mend it, or take it out of discovery.dns_servers; the others are asked");
    }
}

void check_anchor(const Settings& settings, Findings& findings)
{
    if (settings.discovery_dnssec != "prefer") return;
    if (::access(settings.discovery_dns_trust_anchor.c_str(), R_OK) == 0) return;
    findings.note("the DNS is taken unsigned: " + settings.discovery_dns_trust_anchor + " cannot be read",
                  "apt install dns-root-data, or say so: discovery.dnssec = \"off\"");
}

/// Partners follow the SRV records of our domains as we follow theirs.
void check_own_directories(const Settings& settings, const Budget& budget, Findings& findings)
{
    LdapRules rules = ldap_rules_of(settings);
    rules.address = rules.domain = true;
    rules.later_when_unreachable = true;
    rules.server.allow_networks = {"0.0.0.0/0", "::/0"};  // named by ourselves
    LdapResolver directories(std::make_shared<DnsClient>(dns_options_of(settings)), rules);
    for (const auto& domain : settings.domains) {
        if (budget.spent()) return;
        auto found = directories.find({"postmaster", domain.name}, budget);
        if (found.answer == Discovery::Answer::later)
            findings.warning(
                "the LDAP servers that the DNS names for " + domain.name + " cannot be asked: " + found.why,
                "partners look there for your certificates: mend them, or take _ldap._tcp." + domain.name +
                    " out of the DNS");
    }
}

}  // namespace

void check_discovery(const Settings& settings, Findings& findings)
{
    if (!asks_dns(settings)) return;
    check_anchor(settings, findings);
    const Budget budget{std::chrono::steady_clock::now() + check_discovery_time};
    const auto before = findings.count(Severity::fault);
    check_servers(settings, budget.deadline, findings);
    if (asks_ldap(settings) && findings.count(Severity::fault) == before)
        check_own_directories(settings, budget, findings);
}

}  // namespace direct::ctl
