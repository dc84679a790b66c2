// result.h - a value, or a Fault that already knows what the sending MTA must be told.
//
// Nothing of ours throws. Exceptions of libraries (bad_alloc, toml++, nlohmann) are caught at four
// borders: milter callback, thread body, child entry, main.
#pragma once
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "milter/base/reason.h"

namespace direct {

/// What a failure asks of the sending MTA. There is no "ignore".
enum class Retry : unsigned char {
    later,  ///< 4xx: our side or the network may recover (DNS, disk, store full)
    never,  ///< 5xx: the message itself cannot be accepted (bad CMS, no trust)
};

/// Why something did not work. `why` is for the log and the admin: it may name files, settings and
/// addresses, but never a subject, body, question, answer, code or key.
struct Fault {
    Retry retry = Retry::later;  ///< unknown trouble is temporary: mail is never lost
    Reason reason = Reason::temporary;
    std::string why;

    const char* dsn() const { return row_of(reason).dsn; }
    std::string_view peer_text() const { return row_of(reason).peer; }
    std::string_view token() const { return row_of(reason).token; }
};

/// Trouble of ours or of the network: 4xx.
inline Fault temporary(std::string why)
{
    return {Retry::later, Reason::temporary, std::move(why)};
}

/// The message or input cannot be accepted. The reason decides whether that is 4xx or 5xx.
inline Fault refuse(Reason reason, std::string why)
{
    return {is_temporary(reason) ? Retry::later : Retry::never, reason, std::move(why)};
}

/// A file or setting of the site is at fault: exit code 2 of a program, 4xx for mail.
inline Fault misconfigured(std::string why)
{
    return {Retry::later, Reason::configuration, std::move(why)};
}

/// The same fault with one clause of context in front of its reason.
inline Fault because(std::string context, Fault fault)
{
    fault.why = std::move(context) + ": " + fault.why;
    return fault;
}

template <class T>
using Result = tl::expected<T, Fault>;
struct Done {};
using Status = Result<Done>;

inline auto fail(Fault fault)
{
    return tl::unexpected<Fault>(std::move(fault));
}

// TRY(declaration, expression): bind the value or leave the function with the Fault.
// CHECK(expression): leave the function with the Fault if there is one.
#define DIRECT_CAT2(a, b) a##b
#define DIRECT_CAT(a, b) DIRECT_CAT2(a, b)
#define TRY(decl, expr)                                                          \
    auto DIRECT_CAT(result_, __LINE__) = (expr);                                 \
    if (!DIRECT_CAT(result_, __LINE__))                                          \
        return ::direct::fail(std::move(DIRECT_CAT(result_, __LINE__)).error()); \
    decl = *std::move(DIRECT_CAT(result_, __LINE__))
#define CHECK(expr)                                                                  \
    do {                                                                             \
        auto check_result_ = (expr);                                                 \
        if (!check_result_) return ::direct::fail(std::move(check_result_).error()); \
    } while (false)

}  // namespace direct
