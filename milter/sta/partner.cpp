// partner.cpp - see partner.h.
#include "milter/sta/partner.h"

#include <algorithm>

namespace direct {
namespace {

class Partner {
public:
    Partner(const Site& site, Judging& judging, const std::string& our_domain, const Address& recipient,
            bool notice)
        : site_(site),
          judging_(judging),
          our_domain_(our_domain),
          recipient_(recipient),
          anchors_(anchors_for(site.anchors, our_domain, Direction::outgoing, notice))
    {
    }

    PartnerCertificate judge(const Certificate& one, const std::vector<Certificate>& all)
    {
        if (!one.bound_to(recipient_))
            return {one, Reason::sender_mismatch, {one.subject() + ": not bound to " + recipient_.text()}};
        auto judged = judging_.judge(one, all, anchors_, Use::encryption);
        PartnerCertificate out{one, judged.reason, std::move(judged.because)};
        if (!judged.trusted()) return out;
        out.reason = Reason::sealed;
        if (auto why = site_.policies.against(our_domain_, Direction::outgoing, one)) {
            out.reason = Reason::policy;
            out.because.push_back(*why);
        }
        return out;
    }

private:
    const Site& site_;
    Judging& judging_;
    const std::string& our_domain_;
    const Address& recipient_;
    std::vector<const AnchorSet*> anchors_;
};

}  // namespace

LookedUp look_up_partners(const Site& site, const std::vector<Address>& recipients)
{
    using std::chrono::steady_clock;
    LookedUp out;
    const Budget budget{steady_clock::now() + site.settings->policy_budget};
    std::size_t kept = 0;
    for (const auto& recipient : recipients) {
        const auto [it, fresh] = out.found.try_emplace(recipient.key());
        if (!fresh) continue;
        it->second = site.resolver->find(recipient, budget);
        std::size_t size = 0;
        for (const auto& c : it->second.certificates) size += c.der().size();
        if (kept + size > looked_up_max)
            out.found.erase(it);
        else
            kept += size;
    }
    out.budget_left = std::max(
        milliseconds(0), std::chrono::duration_cast<milliseconds>(budget.deadline - steady_clock::now()));
    return out;
}

PartnerVerdict find_partner(const Site& site, Judging& judging, const std::string& our_domain,
                            const Address& recipient, bool notice, const LookedUp* looked_up)
{
    PartnerVerdict out;
    const auto known =
        looked_up ? looked_up->found.find(recipient.key()) : decltype(looked_up->found.end())();
    if (looked_up && known != looked_up->found.end())
        out.found = known->second;
    else
        out.found = site.resolver->find(recipient, judging.budget());
    if (out.found.answer == Discovery::Answer::later) return out;  // stays temporary
    if (out.found.answer == Discovery::Answer::not_found || out.found.certificates.empty()) {
        out.reason = Reason::no_certificate;
        return out;
    }
    Partner partner(site, judging, our_domain, recipient, notice);
    Reason worst = Reason::no_valid_certificate;
    bool good = false;
    for (const auto& c : out.found.certificates) {
        if (!out.certificates.empty() && judging.budget().spent()) {
            // Which of them the partner can open is not ours to guess: all are judged, or it is tried again.
            out.found.why = "the time for judging what is published is over (policy.budget)";
            out.certificates.push_back({c, Reason::temporary, {out.found.why}});
            out.reason = Reason::temporary;
            return out;
        }
        out.certificates.push_back(partner.judge(c, out.found.certificates));
        const Reason reason = out.certificates.back().reason;
        good = good || reason == Reason::sealed;
        if (reason != Reason::sealed && reason != Reason::sender_mismatch) worst = told_of(worst, reason);
    }
    out.reason = good ? Reason::sealed : for_good(site.anchors, our_domain, worst);
    return out;
}

}  // namespace direct
