// dns_client.cpp - see dns_client.h. libunbound works in a thread of its own; a second one (the pump) hands its
// answers to those who wait. Answers are handed over and questions given up under one lock, so that nobody is
// called back who has left; no lock is held while waiting for the network.
#include "policy/discovery/dns_client.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "milter/base/handle.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"

namespace direct {
namespace {

using Context = Handle<ub_ctx, &ub_ctx_delete>;
using UbResult = Handle<ub_result, &ub_resolve_free>;
using Kind = DnsAnswer::Kind;

constexpr int class_in = 1;
constexpr int rcode_nxdomain = 3;

/// One question under way; whoever asked owns it and waits for it.
struct Pending {
    std::condition_variable answered;
    bool done = false;
    DnsAnswer answer;
    Dnssec dnssec = Dnssec::off;
};

DnsAnswer failed(std::string why)
{
    DnsAnswer answer;
    answer.why = std::move(why);
    return answer;
}

std::string rcode_text(int rcode)
{
    static const char* const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    return rcode >= 0 && rcode < 6 ? names[rcode] : "RCODE " + std::to_string(rcode);
}

DnsAnswer read_answer(int error, const ub_result* result, Dnssec dnssec)
{
    if (error == UB_SYNTAX) {  // a label or the name is too long: nobody can have published there
        DnsAnswer none;
        none.kind = Kind::none;
        none.no_such_name = true;
        return none;
    }
    if (error || !result) return failed(error ? ub_strerror(error) : "no answer");
    if (result->bogus)
        return failed(std::string("DNSSEC: ") + (result->why_bogus ? result->why_bogus : "bogus"));
    if (result->rcode != 0 && result->rcode != rcode_nxdomain)
        return failed(rcode_text(result->rcode) + ": its name servers failed, refused or did not answer");
    DnsAnswer answer;
    answer.secure = result->secure;
    if (dnssec == Dnssec::require && !answer.secure)
        return failed("DNSSEC: not signed from the trust anchor down, and discovery.dnssec is require");
    answer.kind = result->havedata ? Kind::found : Kind::none;
    answer.no_such_name = !result->havedata && result->nxdomain;
    answer.ttl = std::chrono::seconds(std::max(0, result->ttl));
    for (int i = 0; result->havedata && result->data[i]; ++i)
        answer.records.emplace_back(result->data[i], static_cast<std::size_t>(result->len[i]));
    return answer;
}

extern "C" void direct_dns_answered(void* asker, int error, ub_result* result)
{
    UbResult owned(result);
    auto& pending = *static_cast<Pending*>(asker);
    try {
        pending.answer = read_answer(error, result, pending.dnssec);
    } catch (const std::exception&) {
        pending.answer = DnsAnswer{};  // no memory: temporary
    }
    pending.done = true;
    pending.answered.notify_one();
}

/// Threads started in this scope get no signals: those are for the daemon's own signal thread.
class NoSignals {
public:
    NoSignals()
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

private:
    sigset_t before_;
};

}  // namespace

struct DnsClient::State {
    explicit State(DnsOptions the_options) : options(std::move(the_options)) {}
    ~State();

    Status start();
    Status prepare(ub_ctx* fresh) const;
    Status anchor(ub_ctx* fresh) const;
    void pump();

    const DnsOptions options;
    std::mutex starting;
    std::mutex lock;  // answers being handed over, questions being given up; stopping, broken
    bool stopping = false, broken = false;
    int wake = -1;
    Context context;
    std::thread pumping;
};

DnsClient::State::~State()
{
    if (pumping.joinable()) {
        {
            std::lock_guard guard(lock);
            stopping = true;
        }
        const std::uint64_t one = 1;
        static_cast<void>(!::write(wake, &one, sizeof one));  // never full: written once
        pumping.join();
    }
    context.reset();  // ends libunbound's thread
    if (wake >= 0) ::close(wake);
}

Status DnsClient::State::anchor(ub_ctx* fresh) const
{
    const bool readable = !options.trust_anchor.empty() && ::access(options.trust_anchor.c_str(), R_OK) == 0;
    if (options.dnssec == Dnssec::require && !readable)
        return fail(temporary("discovery.dns_trust_anchor cannot be read: " + options.trust_anchor));
    const bool validate = options.dnssec != Dnssec::off && readable;
    const char* modules = validate ? "validator iterator" : "iterator";
    if (ub_ctx_set_option(fresh, "module-config:", modules) != 0)
        return fail(temporary("libunbound takes no module-config"));
    if (validate && ub_ctx_add_ta_file(fresh, options.trust_anchor.c_str()) != 0)
        return fail(temporary("discovery.dns_trust_anchor cannot be used: " + options.trust_anchor));
    return Done{};
}

Status DnsClient::State::prepare(ub_ctx* fresh) const
{
    ub_ctx_debugout(fresh, nullptr);  // faults are told in answers, nothing is written to standard error
    const std::string cache = std::to_string(options.cache_bytes / 2);
    const std::pair<const char*, const char*> wanted[] = {
        {"cache-max-negative-ttl:", "300"},  // a partner who publishes today shall be found today (G11)
        {"cache-max-ttl:", "86400"},
        {"msg-cache-size:", cache.c_str()},
        {"rrset-cache-size:", cache.c_str()},
        // A server that was away is asked again within the minute; the default would keep it out for fifteen.
        {"infra-host-ttl:", "60"},
        {"infra-keep-probing:", "yes"},
        // The library's own bound is 16 sockets; as many questions as there may be sessions wait at once.
        {"outgoing-range:", "64"},
        // And of TCP, which large answers need: two that hang must not hold up everybody's.
        {"outgoing-num-tcp:", "32"},
        {"num-queries-per-thread:", "1024"},
        // Every step asks its own question: what was asked and answered can be read in a query log.
        {"aggressive-nsec:", "no"},
        // No questions of its own making beside ours.
        {"trust-anchor-signaling:", "no"},
        // Servers of the site stand on its own addresses.
        {"do-not-query-localhost:", "no"},
    };
    for (const auto& [option, value] : wanted)
        if (int rc = ub_ctx_set_option(fresh, option, value))
            return fail(temporary(std::string("libunbound: ") + option + " " + ub_strerror(rc)));
    CHECK(anchor(fresh));
    if (options.servers.empty()) {
        if (int rc = ub_ctx_resolvconf(fresh, options.resolv_conf.c_str()))
            return fail(temporary(options.resolv_conf + ": " + ub_strerror(rc)));
    }
    for (const auto& server : options.servers)
        if (int rc = ub_ctx_set_fwd(fresh, server.c_str()))
            return fail(temporary("discovery.dns_servers: " + server + ": " + ub_strerror(rc)));
    if (int rc = ub_ctx_async(fresh, 1))
        return fail(temporary(std::string("libunbound: ") + ub_strerror(rc)));
    // Names for tests and for the house are asked like others: the site's own servers may know them.
    for (const char* name : {"test.", "invalid.", "home.arpa."})
        if (int rc = ub_ctx_zone_remove(fresh, name))
            return fail(temporary(std::string("libunbound: ") + ub_strerror(rc)));
    return Done{};
}

Status DnsClient::State::start()
{
    std::lock_guard guard(starting);
    if (context) return Done{};
    Context fresh(ub_ctx_create());
    if (!fresh) return fail(temporary("libunbound cannot start: no memory or no descriptors"));
    CHECK(prepare(fresh.get()));
    if (wake < 0) wake = ::eventfd(0, EFD_CLOEXEC);
    if (wake < 0) return fail(temporary("no descriptor left for the DNS"));
    context = std::move(fresh);
    NoSignals none;
    try {
        pumping = std::thread([this] { pump(); });
    } catch (const std::system_error& e) {
        context.reset();  // the next question begins anew
        return fail(temporary(std::string("no thread for the DNS: ") + e.what()));
    }
    return Done{};
}

void DnsClient::State::pump()
{
    pollfd waits[] = {{ub_fd(context.get()), POLLIN, 0}, {wake, POLLIN, 0}};
    for (;;) {
        if (::poll(waits, 2, -1) < 0) continue;  // EINTR
        std::lock_guard guard(lock);
        if (stopping) return;
        if (ub_process(context.get()) == 0) continue;
        broken = true;
        return;
    }
}

DnsClient::DnsClient(DnsOptions options) : state_(std::make_unique<State>(std::move(options))) {}
DnsClient::~DnsClient() = default;

DnsAnswer DnsClient::query(const std::string& name, DnsType type, SteadyTime deadline)
{
    auto& s = *state_;
    deadline = std::min(deadline, std::chrono::steady_clock::now() + s.options.timeout);
    if (auto started = s.start(); !started) return failed(started.error().why);
    Timed timed(Metric::dns_seconds);
    count(Metric::dns_queries_total);
    Pending pending;
    pending.dnssec = s.options.dnssec;
    int id = 0, rc = 0;
    {
        NoSignals none;  // the first question starts libunbound's thread
        rc = ub_resolve_async(s.context.get(), name.c_str(), static_cast<int>(type), class_in, &pending,
                              &direct_dns_answered, &id);
    }
    if (rc != 0) return failed(std::string("libunbound: ") + ub_strerror(rc));
    std::unique_lock hold(s.lock);
    pending.answered.wait_until(hold, deadline, [&] { return pending.done; });
    if (!pending.done) {
        ub_cancel(s.context.get(), id);
        pending.answer = failed(s.broken ? "libunbound has stopped" : "no answer in time");
    }
    if (pending.answer.kind == Kind::temporary) count(Metric::dns_failures_total);
    return std::move(pending.answer);
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
