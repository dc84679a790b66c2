// reason.h - the closed list of decisions, made from reasons.def.
// No I/O, no allocation; everything returned has static storage. Thread safe.
#pragma once
#include <optional>
#include <string_view>

namespace direct {

enum class Reason : unsigned char {
#define REASON(name, token, smtp, dsn, early, peer, admin) name,
#include "milter/base/reasons.def"
#undef REASON
};

/// One row of reasons.def.
struct ReasonRow {
    Reason reason;
    std::string_view token;  ///< promise to users: never renamed
    int smtp;                ///< SMTP reply code; below 400: not a refusal
    const char* dsn;         ///< RFC 3463 code, static storage
    bool early;              ///< may be found before a signature has verified
    std::string_view peer;   ///< fit for strangers
    std::string_view admin;  ///< for explain, audit, manual
};

/// The row of a reason. Never fails: every enumerator has a row.
const ReasonRow& row_of(Reason reason);

inline std::string_view token_of(Reason reason)
{
    return row_of(reason).token;
}

/// accepted, held, sealed, clear_local, untouched: the message goes on.
inline bool is_refusal(Reason reason)
{
    return row_of(reason).smtp >= 400;
}

/// 4xx: the sender is asked to try again.
inline bool is_temporary(Reason reason)
{
    return row_of(reason).smtp / 100 == 4;
}

/// The reason with this token, or nothing.
std::optional<Reason> reason_of(std::string_view token);

/// All rows in the order of reasons.def, for explain, manual and tests.
struct ReasonRows {
    const ReasonRow* begin_;
    const ReasonRow* end_;
    const ReasonRow* begin() const { return begin_; }
    const ReasonRow* end() const { return end_; }
};
ReasonRows all_reasons();

}  // namespace direct
