// route.h - which way a message goes, and for whom. Decided from envelope, macros and the From field
// alone; everything else is decided later by the way chosen. Pure functions, thread safe.
// Source: configuration manual "Which way a message goes".
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "milter/sta/site.h"

namespace direct {

enum class Way : unsigned char {
    not_ours,  ///< no Direct domain of ours is involved: byte for byte untouched
    inbound,   ///< judged for recipients of ours; others keep the original bytes
    outbound,  ///< sealed for recipients outside; local ones under the same trust rules
    report,    ///< delivery report or bounce of a notice, on the report listener
    refuse,    ///< not_authorised or malformed
};

/// One RCPT as given.
struct Recipient {
    std::string path;                ///< verbatim, for smfi_delrcpt
    std::optional<Address> address;  ///< nothing: a path we do not understand, in no domain of ours
    bool ours = false;
    bool newuser = false;
};

struct RouteInput {
    std::string daemon_name;                              ///< {daemon_name}
    std::string login;                                    ///< {auth_authen}; "" = none
    std::string client_ip;                                ///< "" = not an IP client
    std::string envelope_from;                            ///< as given at MAIL FROM
    std::vector<std::string> from_fields, sender_fields;  ///< raw values
    std::vector<Recipient> recipients;
};

struct Route {
    Way way = Way::refuse;
    Reason reason = Reason::temporary;  ///< way refuse: why
    std::string because;
    std::optional<Address> from;    ///< outbound: the authorised From
    bool plain_submission = false;  ///< authorised with a From outside our Direct domains
};

Recipient classify_recipient(const Site& site, std::string path);
Route route(const Site& site, const RouteInput& input);

}  // namespace direct
