// resolver_chain.cpp - resolvers asked in order; the first that finds anything ends it (G4).
#include "policy/discovery/resolver.h"

namespace direct {
namespace {

void append(std::vector<std::string>& to, std::vector<std::string>& from)
{
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

ResolverChain::ResolverChain(std::vector<std::unique_ptr<CertificateResolver>> steps)
    : steps_(std::move(steps))
{
}

Discovery ResolverChain::find(const Address& address, const Budget& budget)
{
    std::vector<std::string> trace;
    for (const auto& step : steps_) {
        if (budget.spent()) {
            trace.push_back("the time for looking up is over");
            Discovery later{
                Discovery::Answer::later, {}, {}, std::move(trace), "the time for looking up is over"};
            return later;
        }
        Discovery answer = step->find(address, budget);
        append(trace, answer.trace);
        if (answer.answer == Discovery::Answer::not_found) continue;
        // A step that did not answer ends the search too: the next one might find what this one replaces.
        answer.trace = std::move(trace);
        return answer;
    }
    return {Discovery::Answer::not_found, {}, {}, std::move(trace), {}};
}

}  // namespace direct
