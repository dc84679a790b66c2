// notice_maker.h - signs and seals the notifications we owe and puts them into the outbox.
//
// Threads of its own: finding the sender's certificate may ask the network, and no SMTP session waits for that. One thread
// looks for what is due, a few make it, all to one partner's domain in one of them: a domain whose servers do not answer
// holds up its own notices only, and these are put off together when it has not answered for the first. What
// cannot be made now is tried again until notify.give_up; what may not be made (no certificate of the sender, not
// trusted) is told in audit. A notice is taken from its table in the transaction that puts its sealed form into the
// outbox, so each leaves once. Source: requirements E1-E14; thread safe.
#pragma once
#include <memory>

#include "milter/base/result.h"

namespace direct {

struct House;

class NoticeMaker {
public:
    /// The house is borrowed and outlives the maker.
    explicit NoticeMaker(House& house);
    ~NoticeMaker();
    /// Something is owed, or may be.
    void wake();
    /// Ends its threads after the notices in work; what is left stays owed. wake() does nothing from then on.
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace direct
