// verdict.cpp - paths, rules and revocation put together; see verdict.h.
#include "policy/trust/verdict.h"

#include <algorithm>

#include "policy/trust/chain.h"
#include "policy/trust/paths.h"

namespace direct {
namespace {

/// Every element but the anchor. Only asked for a path that holds otherwise (decision 11).
std::vector<Finding> check_revocation(const std::vector<Certificate>& path, const JudgeOptions& options,
                                      std::vector<std::string>& notes, Time& fresh_until, bool& leaf_revoked)
{
    std::vector<Finding> out;
    if (options.revocation == JudgeOptions::RevocationMode::off || !options.revocation_source) return out;
    bool hard = options.revocation == JudgeOptions::RevocationMode::hard;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        auto answer = options.revocation_source(path[i], path[i + 1]);
        const std::string subject = path[i].subject(), why = answer.why.empty() ? "" : ": " + answer.why;
        fresh_until = std::min(fresh_until, answer.fresh_until);
        switch (answer.state) {
            case Revocation::good:
                if (!why.empty()) notes.push_back("revocation of " + subject + why);
                break;
            case Revocation::revoked:
                out.push_back({Reason::revoked, subject + " has been revoked by its issuer" + why});
                leaf_revoked = i == 0;
                return out;  // nothing above can make it better
            case Revocation::unknown:
            case Revocation::not_checked:
                if (hard)
                    out.push_back({Reason::revocation_unknown, "no revocation data for " + subject + why});
                else
                    notes.push_back("no revocation data for " + subject + why + "; let through (soft)");
        }
    }
    return out;
}

/// A revoked element says more than one of which nothing is known.
Reason first_cause(const std::vector<Finding>& findings)
{
    for (const auto& f : findings)
        if (f.reason == Reason::revoked) return Reason::revoked;
    return findings.front().reason;
}

}  // namespace

Verdict judge(const Certificate& leaf, const std::vector<Certificate>& intermediates,
              const AnchorSet& anchors, const JudgeOptions& options)
{
    Verdict out;
    bool anchored = false;
    auto on_path = [&](const std::vector<Certificate>& path) {
        std::vector<std::string> notes;
        bool leaf_revoked = false;
        auto findings = check_path(path, options);
        if (findings.empty())
            findings = check_revocation(path, options, notes, out.fresh_until, leaf_revoked);
        if (findings.empty()) {
            out.reason = Reason::accepted;
            out.path = path;
            out.because = std::move(notes);
            return true;
        }
        // The first path is the likeliest one: its cause is told, the others' stand in the list.
        // One that may hold once data can be had leaves the question open.
        Reason cause = first_cause(findings);
        if (!anchored || (cause == Reason::revocation_unknown && out.reason != Reason::revoked))
            out.reason = cause;
        anchored = true;
        for (auto& f : findings) out.because.push_back(std::move(f.text));
        // Another path, where less can be looked up, must not let a revoked certificate through.
        if (leaf_revoked) out.reason = Reason::revoked;
        return leaf_revoked;
    };
    PathSearch search = find_paths(leaf, intermediates, anchors, options, on_path);
    if (out.trusted()) return out;
    if (!anchored) {
        out.reason = search.complete ? Reason::untrusted : Reason::no_path;
        if (anchors.empty()) out.because.push_back("the domain has no anchor for this direction");
        for (auto& f : check_leaf(leaf, options)) out.because.push_back(std::move(f.text));
    }
    for (auto& note : search.notes) out.because.push_back(std::move(note));
    return out;
}

}  // namespace direct
