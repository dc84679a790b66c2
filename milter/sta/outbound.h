// outbound.h - seals one submitted message for its recipients outside, and judges local ones.
//
// Clear text never leaves: a recipient without a usable, trusted certificate has a refusal and is in no
// leg. One envelope serves all recipients that stand in To and Cc and take the same cipher; every Bcc
// recipient gets an envelope of its own (B13). Changes nothing, sends nothing. Thread safe.
// Source: requirements B1-B17, C, D1, D11, D12, K4, K5.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "milter/sta/inbound.h"

namespace direct {

struct OutboundMail {
    std::string_view message;      ///< as submitted
    Address from;                  ///< authorised header From, in a domain of ours
    std::vector<Address> outside;  ///< recipients to seal for
    std::vector<Address> local;    ///< recipients in Direct domains of ours (no newuser)
    Time now{};
    bool notice =
        false;  ///< a notice, ours or a mail program's: may go where only incoming mail is trusted (D10)
    std::function<Status(struct SealedLeg&&)> further =
        {};                                      ///< see SealedMail::leg; empty: further legs are dropped
    const struct LookedUp* looked_up = nullptr;  ///< see find_partner()
    std::string_view made_id = {};               ///< for a message without Message-ID, see wrap()
};

/// One envelope.
struct SealedLeg {
    std::vector<Address> recipients;
    std::string outer;  ///< raw outer header fields with CRLF, without the body's own
    SealedBody body;
    std::string message() const;  ///< the whole message as it leaves
};

struct SealedMail {
    std::vector<RecipientVerdict>
        verdicts;  ///< outside then local, in the order given: sealed, clear_local or a refusal
    /// The first envelope. Each further one went to OutboundMail::further as it was made: with many Bcc recipients
    /// they would not fit into memory together.
    std::optional<SealedLeg> leg;
    std::string message_id;  ///< also the inner one
    std::string signer;      ///< fingerprint of the key used

    bool any_good() const;
    bool any_temporary() const;
    Reason overall() const;
};

SealedMail seal_outbound(const Site& site, Engine& engine, const OutboundMail& mail);

/// May the login use this From (and Sender)? Login equal to the address by default (decision 6).
bool may_send_as(const Site& site, const std::string& login, const Address& from);
/// May a client without login at this IP address use it ([[domain]] client)?
bool client_may_send_as(const Site& site, const std::string& ip, const Address& from);

}  // namespace direct
