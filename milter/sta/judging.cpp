#include "milter/sta/judging.h"

#include <algorithm>

#include "milter/base/text.h"

namespace direct {

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

}  // namespace direct
