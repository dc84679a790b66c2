// inbound.h - opens one inbound message and judges it for each recipient of ours. Changes nothing,
// sends nothing: the caller commits, explain only prints.
//
// The initial verdict of every recipient is "temporary"; decrypted text is in the result only when at
// least one recipient was accepted. Thread safe.
// Source: requirements B, C, D, O; decisions 1, 9-13.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "milter/sta/site.h"

namespace direct {

/// What was found for one recipient.
struct RecipientVerdict {
    Address recipient;
    Reason reason = Reason::temporary;
    std::vector<std::string> because;       ///< all reasons in plain words, for explain and audit
    std::vector<std::string> certificates;  ///< hex fingerprints: signer or recipient first, anchor last
    /// Accepted, as an MDN or DSN, under the anchors of the other direction alone (D10): good for a notice about a message
    /// we sent, and for nothing else.
    bool only_as_notice = false;
};

struct InboundMail {
    std::string_view message;         ///< as received, header and body
    std::vector<Address> recipients;  ///< ours only
    Time now{};
};

struct OpenedMail {
    bool encrypted = false;  ///< there was a CMS at all
    bool verified = false;   ///< a signature has verified: tokens may be told to the peer
    bool wrapped = false;
    std::vector<RecipientVerdict> verdicts;  ///< one per recipient given, same order
    std::string message;                     ///< inner message, exact; empty unless somebody was accepted
    std::optional<Address> from;             ///< verified From
    std::string message_id;                  ///< of the inner message
    std::vector<std::string> references, in_reply_to;  ///< Message-IDs the inner message names
    std::string
        signed_digest;  ///< SHA-256 of the verified bytes, whichever signer was accepted: tells a repeat (decision 14)
    std::optional<Certificate> signer;  ///< of the accepted signature
    std::vector<std::string> warnings;  ///< "unwrapped", "tampered"
    std::string cipher;

    bool any_accepted() const;
    /// The worst news when nobody was accepted: what the peer is told is made from it.
    Reason overall() const;
};

OpenedMail open_inbound(const Site& site, Engine& engine, const InboundMail& mail);

/// The SMTP answer for a refused message (decision 1): before a signature has verified one answer for
/// everything that is early; after it the token.
struct SmtpAnswer {
    int code = 451;
    std::string dsn = "4.7.0";
    std::string text;
    bool uniform =
        false;  ///< the one answer before a signature has verified; its moment must tell nothing either
};
SmtpAnswer answer_for(Reason reason, bool verified, const std::string& help_url = "");

}  // namespace direct
