#include "milter/house.h"

#include "milter/notice_maker.h"

namespace direct {

House::House(RecordStore& the_store, Secret the_pepper, const Clock& the_clock,
             std::shared_ptr<const Site> first)
    : store(the_store),
      pepper(std::move(the_pepper)),
      clock(the_clock),
      clock_watch(the_clock),
      engine(static_cast<std::size_t>(first->settings->milter_key_operations),
             first->settings->limits_work_wait),
      work(first->settings->limits_work_memory, first->settings->limits_work_wait),
      derivations(static_cast<std::size_t>(first->settings->newuser_derivations)),
      site_(std::move(first))
{
    engine.fetched.use(store);
}

void House::take_over(std::shared_ptr<const Site> site)
{
    const auto& s = *site->settings;
    engine.gate.resize(static_cast<std::size_t>(s.milter_key_operations), s.limits_work_wait);
    work.resize(s.limits_work_memory, s.limits_work_wait);
    site_.set(std::move(site));
}

void House::wake()
{
    if (outbox) outbox->wake();
    if (auto* parsers = hand_over.load()) parsers->wake();
    if (notices) notices->wake();
}

}  // namespace direct
