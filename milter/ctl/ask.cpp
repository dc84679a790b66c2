#include "milter/ctl/ask.h"

#include <unistd.h>

#include <cstdio>

#include "milter/base/address.h"

namespace direct::ctl {

bool asked_and_agreed(const std::string& question)
{
    if (!isatty(STDIN_FILENO)) return false;
    std::printf("%s [y/N] ", question.c_str());
    std::fflush(stdout);
    bool yes = false;
    // The whole line, so that its rest does not answer the next question.
    for (int c = std::getchar(), n = 0; c != EOF && c != '\n'; c = std::getchar(), ++n)
        if (n == 0) yes = c == 'y' || c == 'Y';
    return yes;
}

Result<std::string> domain_for(const Settings& settings, const std::string& given)
{
    if (given.empty()) {
        if (settings.domains.size() == 1) return settings.domains.front().name;
        return fail(refuse(Reason::input, "the configuration has several domains; say which with --domain"));
    }
    auto domain = normal_domain(given);
    if (!domain || !settings.domain(*domain))
        return fail(refuse(Reason::input, given + " is no [[domain]] of the configuration"));
    return *domain;
}

}  // namespace direct::ctl
