// guarded.h - a border inside a thread: what one piece of work throws does not end the others.
#pragma once
#include <syslog.h>

#include <exception>
#include <typeinfo>

#include "milter/base/log.h"
#include "milter/base/result.h"

namespace direct {

/// What `work` brings. Fault: its own; temporary when it throws, which is logged.
template <class F>
auto guarded(F work) -> decltype(work())
{
    try {
        return work();
    } catch (const std::exception& e) {
        LogLine(LOG_CRIT, "", "unexpected").with("what", typeid(e).name());
        return fail(temporary("an exception"));
    }
}

}  // namespace direct
