// turnstile.h - at saturation, no session's messages overtake another session's one message again and again.
//
// libmilter gives a free worker to the first session of its list that has a command waiting, so old connections
// starve new ones: one session was seen to get nine times the messages of the others. A message is some twenty
// commands, but only the end of the header and of the message are answered; there a session can be made to wait.
// It waits while a message is on its way that began before the session's own previous one, which has thus overtaken
// it as a whole. A message that does not move is slow by its client: nobody waits for it again. (Giving a place to the
// message a session has yet to begin was tried: no fairer, and it waits for clients that pause.)
// Thread safe; waiting blocks one worker, and frees libmilter for the sessions behind.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

#include "milter/base/clock.h"

namespace direct {

class Turnstile {
public:
    /// @param still  a message without a step for so long is not waited for
    /// @param most   the longest wait of one message
    explicit Turnstile(milliseconds still = milliseconds(10), milliseconds most = milliseconds(200))
        : still_(still), most_(most)
    {
    }

    /// One session's place. One thread at a time.
    class Guest {
    public:
        explicit Guest(Turnstile& turnstile) : turnstile_(turnstile) {}
        ~Guest() { leave(); }
        Guest(const Guest&) = delete;
        Guest& operator=(const Guest&) = delete;
        void begin();                                                     ///< MAIL FROM
        void moved() { moves_.fetch_add(1, std::memory_order_relaxed); }  ///< a further step of this message
        void wait_turn();                                                 ///< end of header
        void leave();                                                     ///< end of message, abort, close

    private:
        friend class Turnstile;
        Turnstile& turnstile_;
        std::uint64_t ticket_ = 0, previous_ = 0;  ///< 0: none
        std::atomic<std::uint32_t> moves_{0};
    };

private:
    void wait_for_older_than(std::uint64_t ticket);

    const milliseconds still_, most_;
    std::mutex mutex_;
    std::condition_variable oldest_left_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, Guest*> on_the_way_;  ///< by ticket
};

}  // namespace direct
