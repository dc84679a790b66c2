// house.h - the rooms of the process that a message needs, and the site as it stands now.
//
// Made once by main; sessions borrow it. The site is swapped whole on reload. Thread safe.
#pragma once
#include <atomic>
#include <memory>

#include "milter/base/clock_watch.h"
#include "milter/base/current.h"
#include "milter/base/metrics.h"
#include "milter/items/hand_over.h"
#include "milter/newuser/held_record.h"
#include "milter/notify/notice_texts.h"
#include "milter/notify/outbox.h"
#include "milter/nudge.h"
#include "milter/sta/site.h"
#include "milter/store/record_store.h"
#include "milter/turnstile.h"
#include "milter/work_memory.h"

namespace direct {

class NoticeMaker;

struct House {
    House(RecordStore& the_store, Secret the_pepper, const Clock& the_clock,
          std::shared_ptr<const Site> first);

    std::shared_ptr<const Site> site() const { return site_.get(); }
    /// Takes a new site over; what has bounds takes the new ones.
    void take_over(std::shared_ptr<const Site> site);

    /// The words of what we tell. English of the program's own until others are given.
    std::shared_ptr<const NoticeTexts> texts() const { return texts_.get(); }
    void use_texts(std::shared_ptr<const NoticeTexts> texts) { texts_.set(std::move(texts)); }

    RecordStore& store;
    Secret pepper;
    const Clock& clock;
    ClockWatch clock_watch;
    Engine engine;
    WorkMemory work;
    Derivations derivations;
    /// Shared with the sessions: libmilter may close one of them after everything here has gone.
    std::shared_ptr<Turnstile> turnstile = std::make_shared<Turnstile>();
    /// Given when the socket is known, before any session. Shared as the turnstile is.
    std::shared_ptr<Nudge> nudge;
    OutboxSender* outbox = nullptr;              ///< woken after commits; may be absent in tests
    std::atomic<HandOver*> hand_over = nullptr;  ///< absent until the parsers could be started
    NoticeMaker* notices = nullptr;

    void wake();

    /// Held while a message is decided; the daemon does not take its rooms down under it.
    class Busy {
    public:
        explicit Busy(House& house) : house_(house)
        {
            ++house_.busy_;
            count(Metric::messages_in_work);
        }
        ~Busy()
        {
            count(Metric::messages_in_work, -1);
            --house_.busy_;
        }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

    private:
        House& house_;
    };
    int busy() const { return busy_; }

private:
    Current<Site> site_;
    Current<NoticeTexts> texts_{std::make_shared<NoticeTexts>()};
    std::atomic<int> busy_ = 0;
};

}  // namespace direct
