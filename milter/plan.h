// plan.h - the edits and the answer we want of the MTA, as data; apply() is the only caller of the
// smfi_ edit functions. Built without talking to the MTA, applied in one place, once, at end of message.
//
// The initial verdict is tempfail: whatever goes wrong before a plan is complete, the sender keeps the
// mail. Source: requirements P9-P13, design decision 1.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "milter/sta/inbound.h"

struct smfi_str;  // libmilter's SMFICTX; its header is included in callbacks, session and plan.cpp only

namespace direct {

struct Plan {
    enum class Verdict : unsigned char { tempfail, reject, accept, discard };
    Verdict verdict = Verdict::tempfail;
    SmtpAnswer answer{451, "4.3.0", "direct: temporary trouble, please try again"};

    /// Header fields taken away: name and 1-based number among the fields of that name, as received.
    std::vector<std::pair<std::string, int>> remove_headers;
    /// A field written anew where it stands: the only one of its name. Value as below.
    std::vector<std::pair<std::string, std::string>> change_headers;
    /// Fields put at the end, in order. Values without the leading blank, folded with LF.
    std::vector<std::pair<std::string, std::string>> add_headers;
    std::vector<std::string> drop_recipients;  ///< verbatim as given at RCPT
    std::optional<std::string> body;           ///< CRLF; nothing: the body stays

    void refuse(const SmtpAnswer& with);
};

/// Carries the plan out. Recipients and headers first, then the body in one uninterrupted run (P13). When
/// the MTA does not take an edit the answer is tempfail, whatever the plan said.
/// Returns an SMFIS_ value.
int apply(smfi_str* ctx, const Plan& plan);

}  // namespace direct
