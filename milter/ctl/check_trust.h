// check_trust.h - what directctl check says about anchors, bundles and partners' certificates.
#pragma once
#include "milter/ctl/findings.h"
#include "milter/sta/site.h"

namespace direct::ctl {

/// 60 days before the end: a note; 30: a warning; 7, or past: a fault.
void check_expiry(const std::string& what, const Certificate& c, Time now, const char* remedy,
                  Findings& findings);

/// Anchors: left out, ending, of no use, absent; bundles: never loaded, stale, unprotected, their signers; partners'
/// certificates known by file.
void check_trust(const Site& site, Time now, Findings& findings);

}  // namespace direct::ctl
