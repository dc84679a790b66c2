#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/expr/pattern.h"

#include <pcre2.h>

#include <string>

#include "milter/base/handle.h"

namespace direct::expr {
namespace {

using CompiledCode = Handle<pcre2_code, &pcre2_code_free>;
using CompileContext = Handle<pcre2_compile_context, &pcre2_compile_context_free>;
using MatchContext = Handle<pcre2_match_context, &pcre2_match_context_free>;
using MatchData = Handle<pcre2_match_data, &pcre2_match_data_free>;

std::string error_text(int code)
{
    PCRE2_UCHAR buffer[256];
    int n = pcre2_get_error_message(code, buffer, sizeof buffer);
    return n > 0 ? std::string(reinterpret_cast<char*>(buffer), std::size_t(n))
                 : "error " + std::to_string(code);
}

PCRE2_SPTR bytes(std::string_view text)
{
    return reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
}

}  // namespace

struct Pattern::Code {
    CompiledCode code;
    MatchContext limits;
};

Result<Pattern> Pattern::compile(std::string_view text)
{
    if (text.size() > pattern_bytes_max)
        return fail(refuse(Reason::policy, "the regular expression is longer than " +
                                               std::to_string(pattern_bytes_max) + " bytes"));
    CompileContext context(pcre2_compile_context_create(nullptr));
    auto code = std::make_shared<Code>();
    code->limits.reset(pcre2_match_context_create(nullptr));
    if (!context || !code->limits) return fail(temporary("no memory for a regular expression"));
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANY);
    pcre2_set_match_limit(code->limits.get(), pattern_steps_max);
    pcre2_set_depth_limit(code->limits.get(), pattern_depth_max);
    int error = 0;
    PCRE2_SIZE at = 0;
    code->code.reset(pcre2_compile(bytes(text), text.size(), PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                                   context.get()));
    if (!code->code)
        return fail(refuse(Reason::policy, "the regular expression is faulty at its character " +
                                               std::to_string(at + 1) + ": " + error_text(error)));
    return Pattern(std::move(code));
}

Result<bool> Pattern::found_in(std::string_view subject) const
{
    if (subject.size() > subject_bytes_max)
        return fail(refuse(Reason::policy, "text longer than " + std::to_string(subject_bytes_max) +
                                               " bytes is not searched"));
    MatchData data(pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
    if (!data) return fail(temporary("no memory for a regular expression"));
    int found =
        pcre2_match(code_->code.get(), bytes(subject), subject.size(), 0, 0, data.get(), code_->limits.get());
    if (found >= 0) return true;
    if (found == PCRE2_ERROR_NOMATCH) return false;
    return fail(refuse(Reason::policy, "the search was given up: " + error_text(found)));
}

}  // namespace direct::expr
