#include "milter/sta/site.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "milter/base/metrics.h"
#include "milter/base/text.h"

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
    explicit OwnKeysResolver(std::shared_ptr<const Site> site) : site_(std::move(site)) {}
    Discovery find(const Address& address, const Budget&) override
    {
        Discovery found;
        found.answer = Discovery::Answer::not_found;
        if (!site_->domain_of(address)) return found;
        found.step = "own keys";
        found.certificates = site_->keys.certificates_of(address);
        found.trace.push_back("own keys: " + std::to_string(found.certificates.size()) + " for " +
                              address.text());
        // An address of ours that has no key is final as well: nobody else may answer for our domain.
        found.answer = Discovery::Answer::found;
        return found;
    }

private:
    std::shared_ptr<const Site> site_;
};

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
    site->anchors = TrustAnchors::load(settings->store_anchors, now);
    FetchOptions fetching;
    fetching.connect_timeout = settings->fetch_connect_timeout;
    fetching.total_timeout = settings->fetch_timeout;
    fetching.redirects_max = static_cast<int>(settings->fetch_redirects);
    fetching.bytes_max = settings->fetch_bytes_max;
    fetching.allow_networks = settings->fetch_allow_networks;
    fetching.ca_file = settings->fetch_ca_file;
    site->fetcher = std::make_shared<const Fetcher>(std::move(fetching));
    auto files = std::make_unique<FileResolver>(settings->store_certificates);
    for (const auto* list : {&site->keys.findings(), &site->anchors.findings(), &files->findings()})
        site->findings.insert(site->findings.end(), list->begin(), list->end());
    std::vector<std::unique_ptr<CertificateResolver>> steps;
    // The resolver refers back to the keys of this very site without owning it.
    steps.push_back(
        std::make_unique<OwnKeysResolver>(std::shared_ptr<const Site>(std::shared_ptr<void>(), site.get())));
    steps.push_back(std::move(files));
    site->resolver = std::make_shared<ResolverChain>(std::move(steps));
    return site;
}

Result<std::shared_ptr<const Site>> load_site(const std::string& config_file, Time now)
{
    TRY(auto settings, load_settings(config_file));
    // A rule the site wrote down and nobody would apply: its trust would be wider than it believes.
    for (const auto& d : settings->domains)
        if (!d.policies_private.empty() || !d.policies_public.empty() || !d.policies_trust.empty())
            return fail(misconfigured("domain " + d.name +
                                      ": this version cannot apply certificate policies; take "
                                      "\"policies\" out of the configuration"));
    return load_site(std::move(settings), now);
}

// Tickets, so that who came first works first: a plain semaphore lets late comers overtake under load.
struct KeyGate::State {
    std::mutex mutex;
    std::condition_variable turn;
    std::deque<std::uint64_t> waiting;
    std::uint64_t next = 0;
    std::size_t at_once, busy = 0;
    milliseconds wait;
};

KeyGate::KeyGate(std::size_t at_once, milliseconds wait) : state_(std::make_unique<State>())
{
    resize(at_once, wait);
}
KeyGate::~KeyGate() = default;

void KeyGate::resize(std::size_t at_once, milliseconds wait)
{
    std::lock_guard lock(state_->mutex);
    auto cores = static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    state_->at_once = at_once ? at_once : cores;
    state_->wait = wait;
    state_->turn.notify_all();
}

Status KeyGate::enter()
{
    Timed timed(Metric::key_operation_seconds);
    auto& s = *state_;
    std::unique_lock lock(s.mutex);
    auto ticket = s.next++;
    s.waiting.push_back(ticket);
    bool mine =
        s.turn.wait_for(lock, s.wait, [&] { return s.busy < s.at_once && s.waiting.front() == ticket; });
    std::erase(s.waiting, ticket);
    s.turn.notify_all();
    if (!mine)
        return fail(temporary("no free key operation within limits.work_wait (milter.key_operations)"));
    ++s.busy;
    return Done{};
}

void KeyGate::leave()
{
    std::lock_guard lock(state_->mutex);
    --state_->busy;
    state_->turn.notify_all();
}

}  // namespace direct
