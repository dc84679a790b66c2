#include "milter/sta/judging.h"

#include <algorithm>

#include "milter/base/text.h"

namespace direct {

bool is_notice(const ContentType& type)
{
    if (!type.is("multipart", "report")) return false;
    auto kind = ascii_lower(type.parameter("report-type"));
    return kind == "disposition-notification" || kind == "delivery-status";
}

std::vector<const AnchorSet*> anchors_for(const TrustAnchors& anchors, std::string_view our_domain,
                                          Direction direction, bool notice)
{
    std::vector<const AnchorSet*> sets = {&anchors.of(our_domain, direction)};
    auto other = direction == Direction::incoming ? Direction::outgoing : Direction::incoming;
    if (notice) sets.push_back(&anchors.of(our_domain, other));
    return sets;
}

Verdict judge_under(VerdictCache& cache, const Certificate& certificate,
                    const std::vector<Certificate>& intermediates, const std::vector<const AnchorSet*>& sets,
                    const JudgeOptions& options)
{
    Verdict first;
    for (const auto* set : sets) {
        auto verdict = cache.judge(certificate, intermediates, *set, options);
        // Who has been revoked by his issuer is so under every anchor.
        if (verdict.trusted() || verdict.reason == Reason::revoked) return verdict;
        if (set == sets.front()) first = std::move(verdict);
    }
    return first;
}

Judging::Judging(const Site& site, Engine& engine, Time now)
    : Judging(site, engine, now, site.settings->policy_budget)
{
}

Judging::Judging(const Site& site, Engine& engine, Time now, milliseconds budget)
    : site_(site), engine_(engine), context_{*site.fetcher, now, {}}
{
    const auto& settings = *site.settings;
    context_.budget.deadline = std::chrono::steady_clock::now() + budget;
    context_.grace = settings.policy_revocation_grace;
    context_.failure_pause = settings.fetch_failure_pause;
    context_.cache_max = settings.fetch_cache_max;
}

JudgeOptions Judging::options(Use::Kind use) const
{
    JudgeOptions options;
    options.now = context_.now;
    options.use.kind = use;
    const auto& mode = site_.settings->policy_revocation;
    options.revocation = mode == "off"    ? JudgeOptions::RevocationMode::off
                         : mode == "hard" ? JudgeOptions::RevocationMode::hard
                                          : JudgeOptions::RevocationMode::soft;
    options.revocation_source = [this](const Certificate& certificate, const Certificate& issuer) {
        return engine_.revocations.find(certificate, issuer, context_);
    };
    return options;
}

Verdict Judging::at_hand(const Certificate& certificate, const std::vector<Certificate>& intermediates,
                         const std::vector<const AnchorSet*>& sets, Use::Kind use)
{
    return judge_under(engine_.verdicts, certificate, intermediates, sets, options(use));
}

bool Judging::add_issuers(Verdict& verdict, const Certificate& certificate,
                          const std::vector<Certificate>& intermediates,
                          const std::vector<const AnchorSet*>& sets, Use::Kind use)
{
    bool anchors = std::any_of(sets.begin(), sets.end(), [](const AnchorSet* set) { return !set->empty(); });
    if (!anchors || (verdict.reason != Reason::no_path && verdict.reason != Reason::untrusted)) return false;
    auto [it, fresh] = found_.try_emplace(certificate.fingerprint());
    auto& found = it->second;
    if (fresh) found = engine_.issuers.find(certificate, intermediates, context_);
    if (!found.certificates.empty()) {
        auto more = intermediates;
        more.insert(more.end(), found.certificates.begin(), found.certificates.end());
        verdict = judge_under(engine_.verdicts, certificate, more, sets, options(use));
    }
    const bool no_way = verdict.reason == Reason::no_path || verdict.reason == Reason::untrusted;
    if (no_way && found.more_later) verdict.reason = Reason::temporary;
    verdict.because.insert(verdict.because.begin(), found.notes.begin(), found.notes.end());
    return true;
}

Verdict Judging::judge(const Certificate& certificate, const std::vector<Certificate>& intermediates,
                       const std::vector<const AnchorSet*>& sets, Use::Kind use)
{
    auto verdict = at_hand(certificate, intermediates, sets, use);
    add_issuers(verdict, certificate, intermediates, sets, use);
    return verdict;
}

bool is_mailbox(const DomainSettings& domain, const Address& address)
{
    if (domain.mailboxes != "listed") return true;
    auto local = ascii_lower(without_tag(address).local);
    return std::find(domain.listed.begin(), domain.listed.end(), local) != domain.listed.end();
}

Reason for_good(const TrustAnchors& anchors, std::string_view our_domain, Reason reason)
{
    const bool trust = reason == Reason::no_path || reason == Reason::untrusted;
    return trust && anchors.at_fault(our_domain) ? Reason::temporary : reason;
}

Reason told_of(Reason so_far, Reason found)
{
    if (is_temporary(so_far)) return so_far;
    if (is_temporary(found)) return found;
    const bool usable = found == Reason::untrusted || found == Reason::no_path || found == Reason::policy;
    return usable ? found : so_far;
}

}  // namespace direct
