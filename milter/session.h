// session.h - one SMTP connection: what is known of the client, and the message in work. Made at connect,
// destroyed at close. libmilter may call from different threads, one at a time: nothing is thread-local.
#pragma once
#include <memory>
#include <string>

#include "milter/house.h"
#include "milter/transaction.h"

namespace direct {

struct Session {
    explicit Session(House& the_house);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    House& house;
    Peer peer;
    const std::shared_ptr<Turnstile> turnstile;
    const std::shared_ptr<Nudge> nudge;
    Turnstile::Guest turn;
    std::unique_ptr<Transaction> message;
};

}  // namespace direct
