// policies.h - which certificate policies hold for a domain of ours, at which place, in which direction.
//
// All policies of a place must comply. One that cannot be evaluated, or could not even be read, refuses and
// names its fault. Immutable after loading, thread safe; evaluating does no I/O unless policy.allow_uri_check is on.
// Source: requirements A7, L1, L2; [[domain]] policies of the configuration manual.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/smime/key_ring.h"
#include "policy/discovery/fetch.h"
#include "policy/expr/policy.h"
#include "policy/trust/verdict.h"

namespace direct {

enum class PolicyPlace : unsigned char {
    own_key,  ///< "private": which key of ours signs (outgoing) or opens (incoming)
    partner,  ///< "public": which certificate of a partner is used
    trust,    ///< "trust": whether a certificate with a good path is taken
};

class DomainPolicies {
public:
    /// Reads the files of all domains. What cannot be read is kept as a fault and refuses.
    static DomainPolicies load(const Settings& settings);
    /// One line each: "domain NAME, policies.PLACE: FILE:LINE:COLUMN: what".
    const std::vector<std::string>& faults() const { return faults_; }
    /// What is legal and probably not meant, one line each.
    const std::vector<std::string>& notes() const { return notes_; }

    /// Nothing when the certificate complies; else which policy it does not meet and which operand failed.
    std::optional<std::string> against(const std::string& normal_domain, PolicyPlace place,
                                       Direction direction, const Certificate& certificate) const;
    /// Partner and trust together: a certificate of somebody else.
    std::optional<std::string> against(const std::string& normal_domain, Direction direction,
                                       const Certificate& certificate) const;
    /// Those of our keys that comply; a line in `because` for each that does not.
    std::vector<const OwnKey*> allowed(std::vector<const OwnKey*> keys, const std::string& normal_domain,
                                       Direction direction, std::vector<std::string>& because) const;

private:
    struct Attached {
        PolicyPlace place;
        bool incoming, outgoing;
        std::string file;
        std::optional<CertificatePolicy> policy;  ///< nothing: `fault` says why
        std::string fault;
    };
    void attach(const DomainSettings& domain, PolicyPlace place, const PolicyUse& use, bool network);
    std::map<std::string, std::vector<Attached>> by_domain_;
    std::vector<std::string> faults_, notes_;
    UriCheck uri_check_;
};

/// What [fetch] allows, for every fetch of the agent.
FetchOptions fetch_options_of(const Settings& settings);

/// The check behind the operator @@: one guarded fetch. Empty unless policy.allow_uri_check is on.
UriCheck uri_check_of(const Settings& settings);

}  // namespace direct
