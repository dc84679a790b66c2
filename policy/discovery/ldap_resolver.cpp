// ldap_resolver.cpp - see ldap_resolver.h.
#include "policy/discovery/ldap_resolver.h"

#include <arpa/inet.h>

#include <algorithm>

#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "policy/discovery/ldap_value.h"

namespace direct {
namespace {

using Answer = Discovery::Answer;

/// Records of one name, and addresses of one server, that are looked at: who publishes more has no use for them.
constexpr std::size_t servers_max = 32, addresses_max = 8;
constexpr std::size_t failed_max = 1000;
/// A server that was cut off because the message's time was over has failed when it had this long.
constexpr milliseconds patience_min{1000};

std::string name_of(const SrvRecord& record)
{
    return record.target + ":" + std::to_string(record.port);
}

std::string address_text(int family, const std::string& octets)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (octets.size() == (family == AF_INET ? 4u : 16u)) inet_ntop(family, octets.data(), text, sizeof text);
    return text;
}

LdapOptions::Tls tls_of(const std::string& word)
{
    if (word == "off") return LdapOptions::Tls::off;
    return word == "try" ? LdapOptions::Tls::attempt : LdapOptions::Tls::require;
}

Result<std::optional<LdapHit>> ask_server(const LdapOptions& options, const AddressGuard& guard,
                                          const LdapTarget& server, const std::vector<std::string>& mails,
                                          const Budget& budget)
{
    Timed timed(Metric::ldap_seconds);
    LdapOptions how = options;
    if (server.failed_lately) {
        how.timeout = std::min(how.timeout, ldap_probe_max);
        how.connect_timeout = std::min(how.connect_timeout, ldap_probe_connect_max);
    }
    TRY(auto session, LdapSession::open(server.host, server.port, server.addresses, how, guard, budget));
    Status whole = Done{};
    for (std::size_t i = 0; i < mails.size(); ++i) {
        LdapHit hit{i, {}};
        for (const auto& base : session.bases()) {
            auto found = session.certificates(base, mails[i]);
            if (!found) {
                if (whole) whole = fail(found.error());
            } else {
                hit.values.insert(hit.values.end(), found->begin(), found->end());
            }
        }
        if (!hit.values.empty()) return hit;
    }
    // What one base kept to itself hides nothing that another one has published, under whichever name.
    CHECK(whole);
    return std::nullopt;
}

}  // namespace

LdapRules ldap_rules_of(const Settings& settings)
{
    LdapRules rules;
    rules.address = settings.discovery_ldap_address;
    rules.domain = settings.discovery_ldap_domain;
    rules.later_when_unreachable = settings.discovery_ldap_unreachable == "later";
    rules.failure_pause = settings.discovery_ldap_failure_pause;
    rules.full_time_pause = full_time_pause_of(rules.failure_pause);
    rules.cache_bytes = settings.discovery_ldap_cache;
    rules.cache_life = settings.discovery_ldap_cache_life;
    auto& server = rules.server;
    server.tls = tls_of(settings.discovery_ldap_tls);
    server.ldaps_ports.clear();
    for (const auto& port : settings.discovery_ldaps_ports)
        server.ldaps_ports.push_back(static_cast<unsigned>(std::stoul(port)));
    server.ca_file = settings.fetch_ca_file;
    server.connect_timeout = settings.discovery_ldap_connect_timeout;
    server.timeout = settings.discovery_ldap_timeout;
    server.entries_max = settings.discovery_ldap_entries;
    server.bytes_max = settings.discovery_ldap_bytes_max;
    server.allow_networks = settings.fetch_allow_networks;
    return rules;
}

LdapAsk ldap_ask(LdapOptions options)
{
    AddressGuard guard(options.allow_networks);
    return [options = std::move(options), guard = std::move(guard)](
               const LdapTarget& server, const std::vector<std::string>& mails, const Budget& budget) {
        count(Metric::ldap_servers_asked_total);
        auto answer = ask_server(options, guard, server, mails, budget);
        if (!answer) count(Metric::ldap_failures_total);
        return answer;
    };
}

/// One search for one recipient: what is asked for, and what has come so far.
struct LdapResolver::Search {
    std::vector<std::string> mails;  ///< of the address, then the domain
    std::size_t of_address = 0;      ///< so many of them are the address
    std::optional<std::vector<Certificate>> domain;
    std::optional<std::uint16_t> answered, silent;  ///< best priority of a server that did, that did not
    bool dns_failed = false, we_failed = false;
    std::size_t failed_servers = 0;
    std::string failures;
    Discovery out;

    void ask_for(const Address& address, const LdapRules& rules);
    void take(const std::string& server, const LdapHit& hit);
    void failed(const std::string& why, const SrvRecord& server);
    bool best_is_silent() const { return silent && (!answered || *silent < *answered); }
    void found(const char* step, std::vector<Certificate> certificates);
};

void LdapResolver::Search::ask_for(const Address& address, const LdapRules& rules)
{
    if (rules.address) {
        mails.push_back(address.key());
        // "jo+tag" is jo's mailbox; its certificate is published without the tag.
        if (auto plain = without_tag(address).key(); plain != mails.front()) mails.push_back(plain);
    }
    of_address = mails.size();
    if (rules.domain) mails.push_back(address.domain);
}

/// Also a value that nobody can read has been published for this name: no other step takes its place (G4).
void LdapResolver::Search::take(const std::string& server, const LdapHit& hit)
{
    std::vector<std::string> notes;
    auto certificates = read_ldap_values(hit.values, notes);
    const char* step = hit.index < of_address ? "ldap address" : "ldap domain";
    const std::string line = std::string(step) + " " + mails[hit.index] + " at " + server + ": ";
    out.trace.push_back(line + std::to_string(certificates.size()) + " found");
    for (const auto& note : notes) out.trace.push_back(line + note);
    if (hit.index < of_address) {
        found(step, std::move(certificates));
    } else if (!domain) {
        domain = std::move(certificates);
    }
}

void LdapResolver::Search::failed(const std::string& why, const SrvRecord& server)
{
    if (!silent) silent = server.priority;  // they are asked by priority: the first is the best
    out.trace.push_back("ldap " + why);
    if (++failed_servers > published_notes_max) return;
    if (!failures.empty()) failures += "; ";
    failures += failed_servers < published_notes_max ? why : "and more";
}

void LdapResolver::Search::found(const char* step, std::vector<Certificate> certificates)
{
    out.answer = Answer::found;
    out.step = step;
    out.certificates = std::move(certificates);
}

LdapResolver::LdapResolver(std::shared_ptr<DnsLookup> dns, LdapRules rules, LdapAsk ask)
    : dns_(std::move(dns)),
      rules_(std::move(rules)),
      ask_(ask ? std::move(ask) : ldap_ask(rules_.server)),
      cache_(rules_.cache_bytes, rules_.cache_life)
{
}

std::string LdapResolver::pausing(const std::string& server, bool& failed_lately)
{
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard guard(lock_);
    const auto it = failed_.find(server);
    failed_lately = it != failed_.end();
    if (!failed_lately) return {};
    auto& failed = it->second;
    if (failed.paused_until > now)
        return server + ": did not answer a moment ago (discovery.ldap_failure_pause)";
    if (failed.full_time_from <= now) {  // this message, and for a while no other one
        failed_lately = false;
        failed.full_time_from = now + rules_.full_time_pause;
    }
    return {};
}

void LdapResolver::note_failure(const std::string& server)
{
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard guard(lock_);
    if (auto it = failed_.find(server); it != failed_.end()) {
        it->second.paused_until = now + rules_.failure_pause;
        return;
    }
    if (failed_.size() >= failed_max)
        std::erase_if(failed_, [&](const auto& one) { return one.second.paused_until <= now; });
    if (failed_.size() < failed_max)
        failed_[server] = {now + rules_.failure_pause, now + rules_.full_time_pause};
}

void LdapResolver::note_answer(const std::string& server)
{
    std::lock_guard guard(lock_);
    failed_.erase(server);
}

Result<LdapTarget> LdapResolver::resolve(const SrvRecord& record, SteadyTime deadline, bool& dns_failed) const
{
    LdapTarget server{record.target, record.port, {}, false};
    std::string trouble;
    for (auto [type, family] : {std::pair(DnsType::a, AF_INET), std::pair(DnsType::aaaa, AF_INET6)}) {
        auto answer = dns_->query(record.target, type, deadline);
        if (answer.kind == DnsAnswer::Kind::temporary) trouble = answer.why;
        if (answer.kind != DnsAnswer::Kind::found) continue;
        for (const auto& octets : answer.records)
            if (auto text = address_text(family, octets);
                !text.empty() && server.addresses.size() < addresses_max)
                server.addresses.push_back(text);
    }
    if (!server.addresses.empty()) return server;
    dns_failed = dns_failed || !trouble.empty();
    return fail(temporary(name_of(record) + ": " +
                          (trouble.empty() ? "has no address" : "its address is not known: " + trouble)));
}

Result<std::vector<SrvRecord>> LdapResolver::servers_of(const std::string& service, const Budget& budget)
{
    auto answer = dns_->query(service, DnsType::srv, budget.deadline);
    if (answer.kind == DnsAnswer::Kind::temporary)
        return fail(temporary("DNS " + service + ": " + answer.why));
    std::vector<SrvRecord> servers;
    for (const auto& rdata : answer.records)
        // A single dot as target: the service is decidedly not offered (RFC 2782).
        if (auto record = parse_srv(rdata); record && !record->target.empty()) servers.push_back(*record);
    sort_srv(servers);
    if (servers.size() > servers_max) servers.resize(servers_max);
    return servers;
}

void LdapResolver::ask_one(const SrvRecord& record, Search& search, const Budget& budget)
{
    const std::string name = name_of(record);
    bool failed_lately = false;
    if (auto why = pausing(name, failed_lately); !why.empty()) return search.failed(why, record);
    auto server = resolve(record, budget.deadline, search.dns_failed);
    if (!server) return search.failed(server.error().why, record);
    server->failed_lately = failed_lately;
    // With a domain's certificate at hand only the address is left to ask for.
    if (search.domain) search.mails.resize(search.of_address);
    const auto from = std::chrono::steady_clock::now();
    auto hit = ask_(*server, search.mails, budget);
    if (!hit) {
        search.failed(hit.error().why, record);
        if (hit.error().reason == Reason::configuration) {
            search.we_failed = true;  // nothing is known of the server
        } else if (!budget.spent() || std::chrono::steady_clock::now() - from >= patience_min) {
            note_failure(name);
        }
        return;
    }
    note_answer(name);
    if (!search.answered) search.answered = record.priority;
    if (*hit) return search.take(name, **hit);
    search.out.trace.push_back("ldap " + join(search.mails, ", ") + " at " + name + ": none");
}

/// What it comes to when no server had the address's certificate.
Discovery LdapResolver::conclude(Search& search, bool time_is_over) const
{
    auto& out = search.out;
    if (time_is_over) {
        out.why = "the time for looking up is over";
        if (!search.failures.empty()) out.why += " (" + search.failures + ")";
    } else if (search.domain) {
        search.found("ldap domain", *std::move(search.domain));
    } else if (search.dns_failed || search.we_failed ||
               (rules_.later_when_unreachable && search.best_is_silent())) {
        // What the DNS kept to itself may be the server that has it, whatever the others said (G10).
        out.why = search.failures;
    } else {
        out.answer = Answer::not_found;
    }
    return std::move(out);
}

Discovery LdapResolver::find(const Address& address, const Budget& budget)
{
    Search search;
    search.ask_for(address, rules_);
    const std::string service = "_ldap._tcp." + address.domain;
    auto servers = servers_of(service, budget);
    if (!servers) {
        search.out.why = servers.error().why;
        return std::move(search.out);
    }
    const std::string named =
        "ldap " + service + ": " + (servers->empty() ? "none" : std::to_string(servers->size()) + " named");
    search.out.trace.push_back(named);
    if (servers->empty()) return conclude(search, false);
    const std::string key = address.key();
    if (auto kept = cache_.find(key, *servers, std::chrono::steady_clock::now())) return *std::move(kept);
    auto answer = ask_servers(*servers, search, budget);
    // One that could not be asked may have something better: that answer is for this message alone.
    if (search.failed_servers == 0) cache_.put(key, *servers, answer, std::chrono::steady_clock::now());
    return answer;
}

Discovery LdapResolver::ask_servers(const std::vector<SrvRecord>& servers, Search& search,
                                    const Budget& budget)
{
    for (const auto& record : servers) {
        if (budget.spent()) return conclude(search, true);
        ask_one(record, search, budget);
        if (search.out.answer == Answer::found) return std::move(search.out);
        // Where the address is not asked for, nothing better than the first domain's certificate can come.
        if (search.domain && search.of_address == 0) break;
    }
    return conclude(search, budget.spent());
}

}  // namespace direct
