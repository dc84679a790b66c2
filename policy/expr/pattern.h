// pattern.h - a regular expression under limits (PCRE2).
//
// Inside policy/expr only. The subject is a stranger's certificate, and the pattern may be too: both have
// limits in length, steps and depth. A search finds anywhere in the subject. "." does not match a line end.
// Immutable, thread safe.
#pragma once
#include <memory>
#include <string_view>

#include "milter/base/result.h"

namespace direct::expr {

constexpr std::size_t pattern_bytes_max = 4096;       ///< longer than any a person writes
constexpr std::size_t subject_bytes_max = 64 * 1024;  ///< one name of a certificate
constexpr unsigned pattern_steps_max = 20000;         ///< about 0.2 ms for one subject
constexpr unsigned pattern_depth_max = 1000;

class Pattern {
public:
    /// Fault: policy, with the place inside the pattern.
    static Result<Pattern> compile(std::string_view text);
    /// Fault: policy when a limit is reached or the subject is not UTF-8.
    Result<bool> found_in(std::string_view subject) const;

private:
    struct Code;
    explicit Pattern(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
    std::shared_ptr<const Code> code_;
};

}  // namespace direct::expr
