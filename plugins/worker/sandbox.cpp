// sandbox.cpp - see sandbox.h. Lists what is allowed; everything else kills the process.
#include "plugins/worker/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <type_traits>

#include "milter/base/handle.h"

namespace direct {
namespace {

bool limit(int resource, rlim_t value)
{
    const rlimit both{value, value};
    return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both) == 0;
}

#ifndef DIRECT_SANITIZED
// Memory, the descriptors we hold, time, our own end: what malloc, the C++ library and abort() need.
constexpr int allowed[] = {
    SCMP_SYS(read),         SCMP_SYS(write),         SCMP_SYS(writev),
    SCMP_SYS(brk),          SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(futex),         SCMP_SYS(exit),
    SCMP_SYS(exit_group),   SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(time),         SCMP_SYS(getrandom),     SCMP_SYS(getpid),
    SCMP_SYS(gettid),       SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall),
};

std::string filter_calls()
{
    using Filter = Handle<std::remove_pointer_t<scmp_filter_ctx>, &seccomp_release>;
    Filter f(seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (!f) return "seccomp is not available";
    int rc = 0;
    for (int call : allowed)
        if (rc == 0) rc = seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, call, 0);
    // Memory yes, files and code no.
    if (rc == 0)
        rc = seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                              SCMP_A3_32(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    if (rc == 0)
        rc = seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    // Processor time per document; a signal only to ourselves (abort).
    if (rc == 0)
        rc = seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0_32(SCMP_CMP_EQ, 0),
                              SCMP_A1_32(SCMP_CMP_EQ, RLIMIT_CPU));
    if (rc == 0)
        rc = seccomp_rule_add(f.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, static_cast<unsigned>(::getpid())));
    if (rc == 0) rc = seccomp_load(f.get());
    return rc == 0 ? "" : std::string("seccomp: ") + std::strerror(-rc);
}
#endif

}  // namespace

std::string enter_sandbox(std::uint64_t memory, bool filter)
{
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0)) return "cannot set resource limits";
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return "cannot become undumpable";
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "cannot set no_new_privs";
#ifdef DIRECT_SANITIZED
    static_cast<void>(memory);
    static_cast<void>(filter);
    return "";
#else
    if (memory && !limit(RLIMIT_AS, memory)) return "cannot limit memory";
    if (!filter) return "";
    // Twice held: no free descriptor number, and no call to get one.
    if (!limit(RLIMIT_NOFILE, 0)) return "cannot limit descriptors";
    return filter_calls();
#endif
}

void limit_processor_time(unsigned seconds)
{
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    rlimit cpu{};
    if (::getrlimit(RLIMIT_CPU, &cpu) != 0) return;
    cpu.rlim_cur = static_cast<rlim_t>(used.tv_sec) + seconds + 1;
    if (cpu.rlim_max != RLIM_INFINITY && cpu.rlim_cur > cpu.rlim_max) cpu.rlim_cur = cpu.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_CPU, &cpu));
}

}  // namespace direct
