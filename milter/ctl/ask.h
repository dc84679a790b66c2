// ask.h - questions to the administrator, and which of our domains a command is about.
#pragma once
#include <string>

#include "conf/settings.h"
#include "milter/base/result.h"

namespace direct::ctl {

/// Only a terminal can agree; everything but "y" is no.
bool asked_and_agreed(const std::string& question);

/// The [[domain]] named, or the only one when none is. Fault: input.
Result<std::string> domain_for(const Settings& settings, const std::string& given);

}  // namespace direct::ctl
