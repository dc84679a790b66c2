// custody.h - what a judged message leaves behind, in one store transaction: audit, the legs we owe, held
// records with their notices, attachments awaiting their parser. Only after the commit is the plan
// anything but tempfail.
//
// Before a body is replaced, every recipient outside that leg has left the envelope.
// Source: design decisions 1-3, 14; "Mixed recipients".
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "milter/house.h"
#include "milter/plan.h"
#include "milter/route.h"
#include "milter/sta/partner.h"

namespace direct {

/// What audit and log tell of a message beside its content.
struct Facts {
    std::string queue_id;
    std::string client_ip;
    std::string login;
    std::string envelope_from;  ///< as given at MAIL FROM, with <>
    Time now{};
    std::string return_path() const;  ///< the address in it; "" for <> and what cannot be read
};

/// A message at its end, with all that is needed to take it.
struct Taking {
    House& house;
    const Site& site;
    Facts facts;
    const std::vector<Recipient>& recipients;
    const std::vector<std::pair<std::string, int>>&
        seen;  ///< header names as received, numbered among equals
    std::string message;
    bool plain_submission = false;  ///< from a user of ours whose From is in no Direct domain
    LookedUp looked_up{};           ///< outbound: certificates of the recipients outside
};

Plan take_inbound(Taking taking);
Plan take_outbound(Taking taking, const Address& from);
Plan take_report(Taking taking);

/// Refuses a message as a whole, with an audit entry about the recipients of ours (all when none is): about each for a
/// user of ours who has logged in, one for a stranger, counted when there are too many of them (audit/refusals.h).
/// @param verified  the peer may be told the token
Plan refuse_message(House& house, const Facts& facts, const std::vector<Recipient>& recipients, Reason reason,
                    const std::string& because, bool verified);

}  // namespace direct
