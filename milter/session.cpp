#include "milter/session.h"

#include "milter/base/crypto.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"

namespace direct {

Session::Session(House& the_house)
    : house(the_house), turnstile(the_house.turnstile), nudge(the_house.nudge), turn(*turnstile)
{
    peer.session_id = "s" + hex(random_bytes(5));
    count(Metric::sessions_open);
}

Session::~Session()
{
    count(Metric::sessions_open, -1);
}

}  // namespace direct
