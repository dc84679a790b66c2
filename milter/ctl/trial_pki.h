// trial_pki.h - certificates for trying without a CA: our domain under a CA of its own, and a partner domain
// under another one, trusted both ways. For tests and newcomers only; its keys lie beside it in the clear.
#pragma once
#include <string>

#include "milter/base/clock.h"
#include "milter/base/result.h"

namespace direct::ctl {

struct TrialPlaces {
    std::string trial;  ///< made with mode 0700: <ca>.crt|.key, <partner domain>.crt|.key
    std::string keys, anchors, certificates;
};

/// The partner's domain in a trial of `domain`: "partner.test", or another one when that is ours.
std::string trial_partner(const std::string& domain);

/// Fault: configuration (something is in the way), temporary.
Status make_trial_pki(const TrialPlaces& places, const std::string& domain, Time now);

}  // namespace direct::ctl
