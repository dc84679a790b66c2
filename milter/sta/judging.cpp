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
        if (verdict.trusted()) return verdict;
        if (set == sets.front()) first = std::move(verdict);
    }
    return first;
}

JudgeOptions judge_options(const Settings& settings, Time now, Use::Kind use)
{
    JudgeOptions options;
    options.now = now;
    options.use.kind = use;
    if (settings.policy_revocation == "off") {
        options.revocation = JudgeOptions::RevocationMode::off;
    } else if (settings.policy_revocation == "hard") {
        options.revocation = JudgeOptions::RevocationMode::hard;
        options.revocation_source = [](const Certificate&, const Certificate&) {
            return Revocation::unknown;
        };
    }
    return options;
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

}  // namespace direct
