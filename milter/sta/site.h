// site.h - all that was read from disk at start or reload, immutable, swapped whole; and the engine:
// caches and bounds that live as long as the process.
//
// A message keeps the Site it began with. Thread safe after loading.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/base/fair_gate.h"
#include "milter/mime/message.h"
#include "milter/smime/smime.h"
#include "milter/sta/policies.h"
#include "milter/sta/trust.h"
#include "policy/discovery/issuer_lookup.h"
#include "policy/discovery/resolver.h"
#include "policy/discovery/revocation_lookup.h"
#include "policy/trust/verdict.h"

namespace direct {

struct Site {
    std::shared_ptr<const Settings> settings;
    KeyRing keys;
    TrustAnchors file_anchors;       ///< of files alone
    TrustAnchors anchors;            ///< of files and bundles
    std::vector<BundleNow> bundles;  ///< as they were when the site was read
    DomainPolicies policies;
    std::shared_ptr<CertificateResolver> resolver;
    std::shared_ptr<const Fetcher> fetcher;
    std::string host;         ///< this host's name
    std::string authserv_id;  ///< milter.authserv_id or the host's name
    std::vector<std::string>
        findings;  ///< known certificates and bundles that were left out, for log and check

    /// Reads the keys and anchors that nobody has asked for yet, as long as `go_on` says so; returns what had to be
    /// left out. Seconds for ten thousand of them.
    std::vector<std::string> read_all(const std::function<bool()>& go_on = [] { return true; }) const;

    MimeLimits mime_limits() const;
    CmsLimits cms_limits() const;
    /// Our domain of the address, or nullptr.
    const DomainSettings* domain_of(const Address& address) const;
    bool is_newuser(const Address& address) const;
    std::string report_domain() const;  ///< reinject.report_domain or its default
};

/// Reads configuration, certificate policies and known certificates; keys and anchors are read when they are needed.
/// Fault: configuration, a policy's fault included.
Result<std::shared_ptr<const Site>> load_site(const std::string& config_file, Time now);
/// The same from settings already read; a policy at fault is kept and refuses (Site::policies.faults()).
std::shared_ptr<const Site> load_site(std::shared_ptr<const Settings> settings, Time now);

/// The same site with its bundles read again; files wait for a reload. Cannot fail, so that an anchor that was
/// taken out of a bundle is out, whatever the state of keys and configuration. Findings: of the bundles only.
std::shared_ptr<const Site> with_new_trust(const std::shared_ptr<const Site>& before, Time now);

/// Bounds private key operations: milter.key_operations at once, first come first served. Who enters and who
/// leaves is the same thread.
class KeyGate : public KeyOperationGate {
public:
    KeyGate(std::size_t at_once, milliseconds wait);
    /// Fault: temporary after `wait`, or when the message's Patience has ended.
    Status enter() override;
    void leave() override;
    void resize(std::size_t at_once, milliseconds wait);

private:
    FairGate gate_;
    std::atomic<milliseconds> wait_;
};

/// What lives as long as the process and is shared by all messages.
struct Engine {
    explicit Engine(std::size_t key_operations = 2, milliseconds wait = milliseconds(60000))
        : gate(key_operations, wait)
    {
    }
    CertificateCache certificates;
    VerdictCache verdicts;
    KeyGate gate;
    FetchCache fetched;  ///< keeps its copies in a store once it is told to use one
    RevocationLookup revocations{fetched};
    IssuerLookup issuers{fetched};
};

}  // namespace direct
