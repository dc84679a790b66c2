// settings_check.cpp - what a single value cannot show: names that must exist, files that must be there,
// settings that contradict each other. Looks at the file system (policies, signers), at nothing else.
#include <arpa/inet.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "conf/settings_reader.h"
#include "milter/base/address.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using Reader = SettingsReader;

bool is_port(std::string_view text)
{
    unsigned port = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_host_port(std::string_view text)
{
    auto colon = text.rfind(':');
    return colon != text.npos && colon > 0 && is_port(text.substr(colon + 1)) &&
           text.find_first_of(" \t") == text.npos;
}

bool is_milter_socket(std::string_view text)
{
    if (text.starts_with("unix:")) return text.substr(5).starts_with('/');
    return text.starts_with("inet:") && is_host_port(text.substr(5));
}

bool is_network(const std::string& text)
{
    auto slash = text.find('/');
    auto address = text.substr(0, slash);
    unsigned char bytes[16];
    unsigned bits = 0;
    if (inet_pton(AF_INET, address.c_str(), bytes) == 1)
        bits = 32;
    else if (inet_pton(AF_INET6, address.c_str(), bytes) == 1)
        bits = 128;
    else
        return false;
    if (slash == text.npos) return true;
    unsigned length = 0;
    auto tail = std::string_view(text).substr(slash + 1);
    auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), length);
    return error == std::errc{} && end == tail.data() + tail.size() && length <= bits;
}

/// An address, with @port where it is not 53; as libunbound writes it.
bool is_dns_server(const std::string& text)
{
    auto at = text.find('@');
    if (at != text.npos && !is_port(std::string_view(text).substr(at + 1))) return false;
    auto address = text.substr(0, at);
    return address.find('/') == address.npos && is_network(address);
}

/// scheme://host[:port][/path] without user, query, fragment or blanks.
bool is_url(std::string_view url, std::string_view scheme)
{
    if (!ascii_lower(url.substr(0, scheme.size() + 3)).starts_with(std::string(scheme) + "://")) return false;
    auto rest = url.substr(scheme.size() + 3);
    return !rest.empty() && rest[0] != '/' && rest[0] != ':' &&
           rest.find_first_of(" \"'<>\\?#@") == rest.npos;
}

bool is_language(std::string_view tag)
{
    auto parts = split(tag, '-');
    if (parts[0].size() < 2 || parts[0].size() > 3) return false;
    for (auto part : parts) {
        if (part.empty() || part.size() > 8) return false;
        for (char c : part)
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) return false;
    }
    return true;
}

bool is_local_part(const std::string& local, bool utf8)
{
    return parse_address(local + "@direct.example.org", utf8).has_value();
}

void check_file(Reader& r, const std::string& name, const std::string& path)
{
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        r.fault(name, "names a file that is not there: " + path);
}

void check_from(Reader& r, const std::string& name, const DomainSettings& d, std::vector<std::string>& from)
{
    if (from.empty()) r.fault(name, "has no from: nobody could send");
    for (auto& f : from) {
        bool whole = f.starts_with('@');
        auto address = parse_address(whole ? "x" + f : f, r.settings.newuser_smtputf8);
        if (!address)
            r.fault(name, "from \"" + f + "\" is no address and no \"@domain\"");
        else if (address->domain != d.name)
            r.fault(name, "from \"" + f + "\" is not of " + d.name);
        else
            f = whole ? "@" + address->domain : address->key();
    }
}

void check_submitters(Reader& r, const std::string& name, DomainSettings& d)
{
    std::set<std::string> users;
    for (std::size_t i = 0; i < d.login.size(); ++i) {
        auto one = name + ".login." + std::to_string(i + 1);
        if (d.login[i].user.empty()) r.fault(one, "has an empty user");
        if (!users.insert(d.login[i].user).second)
            r.fault(one, "user \"" + d.login[i].user + "\" stands twice");
        check_from(r, one, d, d.login[i].from);
    }
    for (std::size_t i = 0; i < d.client.size(); ++i) {
        auto one = name + ".client." + std::to_string(i + 1);
        if (!is_network(d.client[i].network))
            r.fault(one, "network \"" + d.client[i].network +
                             "\" is no address and no network such as 192.0.2.0/24");
        check_from(r, one, d, d.client[i].from);
    }
}

void check_bundle_names(Reader& r, const std::string& name, const DomainSettings& d)
{
    std::vector<std::string> known;
    for (const auto& b : r.settings.bundles) known.push_back(b.name);
    std::set<std::string> used;
    for (std::size_t i = 0; i < d.bundles.size(); ++i) {
        auto one = name + ".bundles." + std::to_string(i + 1) + ".name";
        const auto& bundle = d.bundles[i].name;
        if (!used.insert(bundle).second) r.fault(one, "\"" + bundle + "\" stands twice");
        bool found = false;
        for (const auto& k : known) found = found || k == bundle;
        if (found) continue;
        auto near = nearest(bundle, known);
        r.fault(one, "\"" + bundle + "\" is no [[bundle]]" + (near ? "; nearest is \"" + *near + "\"" : ""));
    }
}

void check_domain(Reader& r, const std::string& name, DomainSettings& d)
{
    bool utf8 = r.settings.newuser_smtputf8;
    if (d.environment.empty()) r.fault(name + ".environment", "is empty");
    if (!d.newuser.empty() && !is_local_part(d.newuser, utf8))
        r.fault(name + ".newuser", "\"" + d.newuser + "\" is no local part of an address");
    for (const auto& local : d.listed)
        if (!is_local_part(local, utf8))
            r.fault(name + ".listed", "\"" + local + "\" is no local part of an address");
    if (!d.listed.empty() && d.mailboxes != "listed")
        r.fault(name + ".listed", "has no effect without mailboxes = \"listed\"");
    if (!d.pickup_url.empty() && !is_url(d.pickup_url, "https") &&
        !(d.environment == "test" && is_url(d.pickup_url, "http")))
        r.fault(name + ".pickup_url", "wants an https address without user, query or fragment");
    if (!is_language(d.language)) r.fault(name + ".language", "wants a language tag such as \"en\"");
    for (const auto& use : d.policies_private) check_file(r, name + ".policies.private", use.file);
    for (const auto& use : d.policies_public) check_file(r, name + ".policies.public", use.file);
    for (const auto& use : d.policies_trust) check_file(r, name + ".policies.trust", use.file);
    check_bundle_names(r, name, d);
    check_submitters(r, name, d);
}

void check_domains(Reader& r)
{
    auto& domains = r.settings.domains;
    if (domains.empty() && r.wants_domain && !r.faulty())
        r.fault(TomlPosition{}, "no [[domain]]: at least one is needed");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < domains.size(); ++i) {
        auto name = "domain." + std::to_string(i + 1);
        if (domains[i].name.empty()) continue;  // said already where it was read
        if (!seen.insert(domains[i].name).second)
            r.fault(name + ".name", "\"" + domains[i].name + "\" stands twice");
        check_domain(r, name, domains[i]);
    }
}

void check_bundles(Reader& r)
{
    std::set<std::string> seen;
    for (std::size_t i = 0; i < r.settings.bundles.size(); ++i) {
        const auto& b = r.settings.bundles[i];
        auto name = "bundle." + std::to_string(i + 1);
        if (b.name.empty() || b.name.find_first_of("/ ") != b.name.npos)
            r.fault(name + ".name", "wants a word without blank or slash");
        if (!seen.insert(b.name).second) r.fault(name + ".name", "\"" + b.name + "\" stands twice");
        if (!is_url(b.url, "https") && !is_url(b.url, "http"))
            r.fault(r.is_set(name + ".url") ? name + ".url" : name, "wants an http or https address as url");
        if (!b.signer.empty()) check_file(r, name + ".signer", b.signer);
    }
}

void check_peers(Reader& r)
{
    std::set<std::string> seen;
    for (std::size_t i = 0; i < r.settings.peers.size(); ++i) {
        const auto& domain = r.settings.peers[i].domain;
        if (!domain.empty() && !seen.insert(domain).second)
            r.fault("peer." + std::to_string(i + 1) + ".domain", "\"" + domain + "\" stands twice");
    }
}

void check_report_domain(Reader& r)
{
    auto& s = r.settings;
    if (!s.reinject_report_domain.empty()) {
        auto normal = normal_domain(s.reinject_report_domain);
        if (!normal) {
            r.fault("reinject.report_domain", "\"" + s.reinject_report_domain + "\" is no domain name");
            return;
        }
        s.reinject_report_domain = *normal;
    }
    auto used = ascii_lower(report_domain_of(s));
    for (const auto& d : s.domains)
        if (d.name == used)
            r.fault("reinject.report_domain",
                    "\"" + used + "\" is a [[domain]]; reports need a domain of their own");
}

void check_scalars(Reader& r)
{
    auto& s = r.settings;
    if (!is_milter_socket(s.milter_socket))
        r.fault("milter.socket", "wants unix:/path or inet:host:port, not \"" + s.milter_socket + "\"");
    if (!is_host_port(s.reinject_smtp))
        r.fault("reinject.smtp", "wants host:port, not \"" + s.reinject_smtp + "\"");
    if (s.milter_authserv_id.find_first_of(" \t;\"()") != s.milter_authserv_id.npos)
        r.fault("milter.authserv_id", "wants one word");
    if (s.reinject_retry_min > s.reinject_retry_max)
        r.fault("reinject.retry_min", "is longer than reinject.retry_max");
    if (s.limits_work_memory / 5 * 2 < s.milter_message_max)
        r.fault("limits.work_memory",
                "is below 2.5 times milter.message_max: the largest message could never enter");
    for (const auto& network : s.fetch_allow_networks)
        if (!is_network(network))
            r.fault("fetch.allow_networks",
                    "\"" + network + "\" is no address and no network such as 10.1.0.0/16");
    for (const auto& server : s.discovery_dns_servers)
        if (!is_dns_server(server))
            r.fault("discovery.dns_servers",
                    "\"" + server + "\" is no address such as 192.0.2.53 or 127.0.0.1@5353");
    if (s.discovery_dnssec == "require")
        check_file(r, "discovery.dns_trust_anchor", s.discovery_dns_trust_anchor);
    if (s.discovery_ldap_tls == "require") check_file(r, "fetch.ca_file", s.fetch_ca_file);
    for (const auto& port : s.discovery_ldaps_ports)
        if (!is_port(port)) r.fault("discovery.ldaps_ports", "\"" + port + "\" is no port");
    if (s.outbound_subject.empty()) r.fault("outbound.subject", "is empty");
    if (!s.newuser_help_url.empty() && !is_url(s.newuser_help_url, "https"))
        r.fault("newuser.help_url", "wants an https address without user, query or fragment");
    for (const auto& a : s.listeners_submission)
        for (const auto& b : s.listeners_report)
            if (a == b) r.fault("listeners.report", "\"" + b + "\" stands in listeners.submission as well");
}

}  // namespace

void check_settings(SettingsReader& reader)
{
    check_scalars(reader);
    check_domains(reader);
    check_bundles(reader);
    check_peers(reader);
    check_report_domain(reader);
}

}  // namespace direct
