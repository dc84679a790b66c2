// site.h - all that was read from disk at start or reload, immutable, swapped whole; and the engine:
// caches and bounds that live as long as the process.
//
// A message keeps the Site it began with. Thread safe after loading.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/base/clock.h"
#include "milter/mime/message.h"
#include "milter/smime/smime.h"
#include "policy/discovery/issuer_lookup.h"
#include "policy/discovery/resolver.h"
#include "policy/discovery/revocation_lookup.h"
#include "policy/trust/anchors.h"
#include "policy/trust/verdict.h"

namespace direct {

struct Site {
    std::shared_ptr<const Settings> settings;
    KeyRing keys;
    TrustAnchors anchors;
    std::shared_ptr<CertificateResolver> resolver;
    std::shared_ptr<const Fetcher> fetcher;
    std::string host;                   ///< this host's name
    std::string authserv_id;            ///< milter.authserv_id or the host's name
    std::vector<std::string> findings;  ///< what was left out while loading, for log and check

    MimeLimits mime_limits() const;
    CmsLimits cms_limits() const;
    /// Our domain of the address, or nullptr.
    const DomainSettings* domain_of(const Address& address) const;
    bool is_newuser(const Address& address) const;
    std::string report_domain() const;  ///< reinject.report_domain or its default
};

/// Reads configuration, keys, anchors and known certificates. Fault: configuration.
Result<std::shared_ptr<const Site>> load_site(const std::string& config_file, Time now);
/// The same from settings already read.
std::shared_ptr<const Site> load_site(std::shared_ptr<const Settings> settings, Time now);

/// Bounds private key operations: milter.key_operations at once, first come first served.
class KeyGate : public KeyOperationGate {
public:
    KeyGate(std::size_t at_once, milliseconds wait);
    ~KeyGate() override;
    Status enter() override;
    void leave() override;
    void resize(std::size_t at_once, milliseconds wait);

private:
    struct State;
    std::unique_ptr<State> state_;
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
