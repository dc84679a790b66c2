#include "milter/sta/judging.h"

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
        options.revocation_source = [](const Certificate&, const Certificate&) { return Revocation::unknown; };
    }
    return options;
}

}  // namespace direct
