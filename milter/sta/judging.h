// judging.h - how this site wants certificates judged. Used by inbound and outbound only.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "milter/mime/message.h"
#include "milter/sta/site.h"
#include "policy/trust/anchors.h"
#include "policy/trust/verdict.h"

namespace direct {

/// An MDN or DSN by its type: multipart/report with report-type disposition-notification or delivery-status.
bool is_notice(const ContentType& type);

/// The sets a partner's certificate is judged against, in order. Ordinary mail: our domain's set for that direction.
/// A notice also the other direction's, so that the answer to a message survives one-way trust (D10): a notice of
/// ours reaches whoever may write to us, and we take the notices of whomever we may write to.
std::vector<const AnchorSet*> anchors_for(const TrustAnchors& anchors, std::string_view our_domain,
                                          Direction direction, bool notice);

/// The verdict under the first set that trusts; when none does, that under the first set, which says why.
Verdict judge_under(VerdictCache& cache, const Certificate& certificate,
                    const std::vector<Certificate>& intermediates, const std::vector<const AnchorSet*>& sets,
                    const JudgeOptions& options);

/// Judges the certificates of one message: verdicts, revocation, issuers that were not sent along, all look-ups
/// within one budget (policy.budget, from construction). Only for certificates whose signature has verified, or
/// that are published for a recipient (decision 11). For one thread.
class Judging {
public:
    Judging(const Site& site, Engine& engine, Time now);
    /// @param budget  what is left of policy.budget
    Judging(const Site& site, Engine& engine, Time now, milliseconds budget);
    /// at_hand(), and add_issuers() when that found no way to an anchor.
    Verdict judge(const Certificate& certificate, const std::vector<Certificate>& intermediates,
                  const std::vector<const AnchorSet*>& sets, Use::Kind use);
    /// By the certificates that came along; only revocation is asked for.
    Verdict at_hand(const Certificate& certificate, const std::vector<Certificate>& intermediates,
                    const std::vector<const AnchorSet*>& sets, Use::Kind use);
    /// Looks for issuers where `verdict` found no way to an anchor, and judges anew. Temporary when there is still none and
    /// a server did not answer, or the time was over. False: nothing was looked for.
    bool add_issuers(Verdict& verdict, const Certificate& certificate,
                     const std::vector<Certificate>& intermediates, const std::vector<const AnchorSet*>& sets,
                     Use::Kind use);
    const Budget& budget() const { return context_.budget; }

private:
    JudgeOptions options(Use::Kind use) const;
    const Site& site_;
    Engine& engine_;
    LookupContext context_;
    std::map<std::string, FoundIssuers>
        found_;  ///< by the certificate they were looked for: once for a message
};

/// Does the domain take mail for this address, as far as the settings tell (mailboxes, listed)?
bool is_mailbox(const DomainSettings& domain, const Address& address);

/// "Not trusted" for good, or temporary when anchors of our domain could not be read.
Reason for_good(const TrustAnchors& anchors, std::string_view our_domain, Reason reason);

/// What is told when none of several certificates can be used: before all else what may be known in a minute; then
/// what was found last of those that could be used, were they trusted or did they meet our policies.
Reason told_of(Reason so_far, Reason found);

}  // namespace direct
