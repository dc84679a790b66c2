// judging.h - how this site wants certificates judged. Used by inbound and outbound only.
#pragma once
#include "conf/settings.h"
#include "policy/trust/verdict.h"

namespace direct {

/// Options of judge() from the settings. "hard" without anybody to ask means that nothing is known of any
/// certificate: the answer is temporary, never yes.
JudgeOptions judge_options(const Settings& settings, Time now, Use::Kind use);

/// Does the domain take mail for this address, as far as the settings tell (mailboxes, listed)?
bool is_mailbox(const DomainSettings& domain, const Address& address);

}  // namespace direct
