// dns_context.cpp - see dns_context.h.
#include "policy/discovery/dns_context.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unbound.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <sstream>
#include <system_error>

#include "milter/base/handle.h"

namespace direct {
namespace {

using Context = Handle<ub_ctx, &ub_ctx_delete>;
using UbResult = Handle<ub_result, &ub_resolve_free>;
using Kind = DnsAnswer::Kind;

constexpr int class_in = 1;
constexpr int rcode_nxdomain = 3;

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

Status set_anchor(ub_ctx* fresh, const DnsOptions& options)
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

Status set_options(ub_ctx* fresh, const DnsOptions& options)
{
    const std::string cache = std::to_string(options.cache_bytes / 2);
    const std::pair<const char*, const char*> wanted[] = {
        {"cache-max-negative-ttl:", "300"},  // a partner who publishes today shall be found today (G11)
        {"cache-max-ttl:", "86400"},
        {"msg-cache-size:", cache.c_str()},
        {"rrset-cache-size:", cache.c_str()},
        // Whatever is asked goes to the same few servers. A domain whose own servers are dead makes them silent for
        // its names, and the library holds that against them: after 12 s of silence it answers SERVFAIL for every
        // other name as well. So it forgets what it holds against a server before it comes to that; of two servers
        // the dead one is passed over for so long.
        {"infra-host-ttl:", "5"},
        {"infra-keep-probing:", "yes"},
        // A quick server in the same building is asked again after 50 ms, and after five times the library answers
        // SERVFAIL: a name whose own servers are far away would fail within two seconds, whatever dns_timeout says.
        {"infra-cache-min-rtt:", "400"},
        {"outbound-msg-retry:", "32"},
        // The library's own bound is 16 sockets; every session may wait for a slow server, and nobody for a socket.
        {"outgoing-range:", "1024"},
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
    return Done{};
}

/// The name servers of resolv.conf(5); this host's own when it names none.
Result<std::vector<std::string>> servers_of(const std::string& resolv_conf)
{
    std::ifstream file(resolv_conf);
    if (!file) return fail(temporary(resolv_conf + " cannot be read"));
    std::vector<std::string> servers;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string keyword, server;
        if (words >> keyword >> server && keyword == "nameserver") servers.push_back(server);
    }
    if (servers.empty()) servers.push_back("127.0.0.1");
    return servers;
}

Status set_servers(ub_ctx* fresh, const DnsOptions& options)
{
    if (!options.servers.empty()) {
        for (const auto& server : options.servers)
            if (int rc = ub_ctx_set_fwd(fresh, server.c_str()))
                return fail(temporary("discovery.dns_servers: " + server + ": " + ub_strerror(rc)));
        return Done{};
    }
    TRY(auto servers, servers_of(options.resolv_conf));
    bool any = false;
    for (const auto& server : servers) any = ub_ctx_set_fwd(fresh, server.c_str()) == 0 || any;
    if (any) return Done{};
    return fail(temporary(options.resolv_conf + " names no server that can be asked"));
}

Status prepare(ub_ctx* fresh, const DnsOptions& options)
{
    ub_ctx_debugout(fresh, nullptr);  // faults are told in answers, nothing is written to standard error
    CHECK(set_options(fresh, options));
    CHECK(set_anchor(fresh, options));
    CHECK(set_servers(fresh, options));
    if (int rc = ub_ctx_async(fresh, 1))
        return fail(temporary(std::string("libunbound: ") + ub_strerror(rc)));
    // Names for tests and for the house are asked like others: the site's own servers may know them.
    for (const char* name : {"test.", "invalid.", "home.arpa."})
        if (int rc = ub_ctx_zone_remove(fresh, name))
            return fail(temporary(std::string("libunbound: ") + ub_strerror(rc)));
    return Done{};
}

}  // namespace

/// One question under way; whoever asked owns it and waits for it.
struct DnsContext::Pending {
    std::condition_variable answered;
    bool done = false;
    DnsAnswer answer;
    Dnssec dnssec = Dnssec::off;
};

Result<std::shared_ptr<DnsContext>> DnsContext::make(const DnsOptions& options)
{
    Context fresh(ub_ctx_create());
    if (!fresh) return fail(temporary("libunbound cannot start: no memory or no descriptors"));
    CHECK(prepare(fresh.get(), options));
    std::shared_ptr<DnsContext> made(new DnsContext(options.dnssec));
    made->context_ = fresh.release();
    CHECK(made->start());
    return made;
}

Status DnsContext::start()
{
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    if (wake_ < 0) return fail(temporary("no descriptor left for the DNS"));
    NoSignals none;
    try {
        pumping_ = std::thread([this] { pump(); });
    } catch (const std::system_error& e) {
        return fail(temporary(std::string("no thread for the DNS: ") + e.what()));
    }
    return Done{};
}

DnsContext::~DnsContext()
{
    if (!of_this_process()) {  // neither thread is here, and what they share with us is theirs
        if (pumping_.joinable()) pumping_.detach();
        return;
    }
    if (pumping_.joinable()) {
        {
            std::lock_guard guard(lock_);
            stopping_ = true;
        }
        const std::uint64_t one = 1;
        static_cast<void>(!::write(wake_, &one, sizeof one));  // never full: written once
        pumping_.join();
    }
    if (wake_ >= 0) ::close(wake_);
    if (!broken_) {
        ub_ctx_delete(context_);  // ends libunbound's thread
        return;
    }
    try {  // it may wait for ever for a thread that does not hear it
        std::thread([context = context_] { ub_ctx_delete(context); }).detach();
    } catch (const std::system_error&) {
        // No thread to be had: it stays where it is.
    }
}

void DnsContext::pump()
{
    pollfd waits[] = {{ub_fd(context_), POLLIN, 0}, {wake_, POLLIN, 0}};
    for (;;) {
        if (::poll(waits, 2, -1) < 0) continue;  // EINTR
        std::lock_guard guard(lock_);
        // Once it has broken, whoever asked has left without ub_cancel(): nobody may be called back.
        if (stopping_ || broken_) return;
        if (!(waits[0].revents & (POLLERR | POLLNVAL)) && ub_process(context_) == 0) continue;
        return break_off("its pipe is broken");
    }
}

/// Nobody is answered any more; lock_ is held.
void DnsContext::break_off(std::string why)
{
    why_ = std::move(why);
    broken_ = true;
    for (auto* pending : waiting_) pending->answered.notify_one();
}

std::string DnsContext::why()
{
    if (!of_this_process()) return "it belongs to another process";
    std::lock_guard guard(lock_);
    return why_.empty() ? "" : "libunbound has stopped: " + why_;
}

void DnsContext::answered(void* asker, int error, ub_result* result)
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

DnsAnswer DnsContext::query(const std::string& name, DnsType type, SteadyTime deadline)
{
    if (!usable()) return failed("libunbound has stopped");
    Pending pending;
    pending.dnssec = dnssec_;
    {
        std::lock_guard guard(lock_);
        waiting_.insert(&pending);
    }
    int id = 0, rc = 0;
    {
        NoSignals none;  // the first question starts libunbound's thread
        rc = ub_resolve_async(context_, name.c_str(), static_cast<int>(type), class_in, &pending, &answered,
                              &id);
    }
    std::unique_lock hold(lock_);
    if (rc != 0) {
        waiting_.erase(&pending);
        break_off(ub_strerror(
            rc));  // no thread, no memory, pipes that are gone: nothing that a second question would mend
        return failed(std::string("libunbound: ") + ub_strerror(rc));
    }
    pending.answered.wait_until(hold, deadline, [&] { return pending.done || broken_; });
    waiting_.erase(&pending);
    if (!pending.done) {
        if (!broken_) ub_cancel(context_, id);
        pending.answer = failed(broken_ ? "libunbound has stopped" : "no answer in time");
    }
    return std::move(pending.answer);
}

}  // namespace direct
