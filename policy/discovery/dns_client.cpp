// dns_client.cpp - see dns_client.h: which context answers, and when another one takes its place.
#include "policy/discovery/dns_client.h"

#include <sys/stat.h>
#include <syslog.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <tuple>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "policy/discovery/dns_context.h"

namespace direct {
namespace {

/// Tells one state of a file from another: a file put in its place, or written again.
using Stamp = std::tuple<ino_t, off_t, std::int64_t, std::int64_t>;

Stamp stamp_of(const std::string& file)
{
    struct stat s {};
    if (::stat(file.c_str(), &s) != 0) return {};
    return {s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
}

void tell(const std::string& trouble, bool other_servers, const std::string& before)
{
    LogLine line(other_servers && trouble.empty() ? LOG_INFO : LOG_ERR, "", "dns");
    if (!trouble.empty())
        line.with("what", trouble);
    else
        line.with("what", other_servers ? "other servers are asked from now on" : "started anew");
    if (!before.empty()) line.with("before", before);
}

}  // namespace

struct DnsClient::State {
    explicit State(DnsOptions the_options) : options(std::move(the_options)) {}
    Result<std::shared_ptr<DnsContext>> context();

    const DnsOptions options;
    std::mutex lock;  // all below
    std::shared_ptr<DnsContext> now;
    std::optional<SteadyTime> made;  ///< or tried to
    Stamp servers_from{};            ///< what resolv_conf was then
    Fault trouble;                   ///< why there is none
};

/// The one to ask. Whoever still waits for an answer of the one before keeps that until then.
Result<std::shared_ptr<DnsContext>> DnsClient::State::context()
{
    std::shared_ptr<DnsContext> before;  // ends, if it does, without the lock
    std::lock_guard guard(lock);
    const Stamp stamp = options.servers.empty() ? stamp_of(options.resolv_conf) : Stamp{};
    const bool other_servers = made && stamp != servers_from;
    if (now && now->usable() && !other_servers) return now;
    const auto time = std::chrono::steady_clock::now();
    const bool at_once = other_servers || (now && !now->of_this_process());
    if (made && !at_once && time - *made < options.renew_pause) return fail(trouble);
    before = std::move(now);
    made = time;
    servers_from = stamp;
    trouble = temporary("the DNS client has stopped and is started anew in a moment");
    auto fresh = DnsContext::make(options);
    if (!fresh) trouble = fresh.error();
    if (!fresh || before) tell(fresh ? "" : trouble.why, other_servers, before ? before->why() : "");
    if (!fresh) return fail(trouble);
    return now = *std::move(fresh);
}

DnsClient::DnsClient(DnsOptions options) : state_(std::make_unique<State>(std::move(options))) {}
DnsClient::~DnsClient() = default;

DnsAnswer DnsClient::query(const std::string& name, DnsType type, SteadyTime deadline)
{
    deadline = std::min(deadline, std::chrono::steady_clock::now() + state_->options.timeout);
    Timed timed(Metric::dns_seconds);
    count(Metric::dns_queries_total);
    DnsAnswer answer;
    if (auto context = state_->context())
        answer = (*context)->query(name, type, deadline);
    else
        answer.why = context.error().why;
    if (answer.kind == DnsAnswer::Kind::temporary) count(Metric::dns_failures_total);
    return answer;
}

DnsOptions dns_options_of(const Settings& settings)
{
    DnsOptions options;
    options.servers = settings.discovery_dns_servers;
    options.dnssec = settings.discovery_dnssec == "off"       ? Dnssec::off
                     : settings.discovery_dnssec == "require" ? Dnssec::require
                                                              : Dnssec::prefer;
    options.trust_anchor = settings.discovery_dns_trust_anchor;
    options.timeout = settings.discovery_dns_timeout;
    options.cache_bytes = settings.discovery_dns_cache;
    return options;
}

}  // namespace direct
