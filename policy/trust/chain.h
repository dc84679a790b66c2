// chain.h - one path under the rules: RFC 5280 by OpenSSL, and what it does not ask.
//
// Every fault of the path is told, not the first only. Thread safe.
// Source: requirements A7, A8, C10, D8, D13; RFC 5280 section 6, RFC 8550 section 4.
#pragma once
#include <string>
#include <vector>

#include "policy/trust/verdict.h"

namespace direct {

struct Finding {
    Reason reason;
    std::string text;
};

/// What speaks against the leaf by itself: dates, key, usage.
std::vector<Finding> check_leaf(const Certificate& leaf, const JudgeOptions& options);
/// What speaks against the path, leaf first, anchor last; empty: it holds. Revocation is not asked.
std::vector<Finding> check_path(const std::vector<Certificate>& path, const JudgeOptions& options);

}  // namespace direct
