#include "milter/base/reason.h"

#include <iterator>

namespace direct {
namespace {

constexpr bool yes = true;
constexpr bool no = false;

constexpr ReasonRow rows[] = {
#define REASON(name, token, smtp, dsn, early, peer, admin) \
    {Reason::name, token, smtp, dsn, early, peer, admin},
#include "milter/base/reasons.def"
#undef REASON
};

}  // namespace

const ReasonRow& row_of(Reason reason)
{
    return rows[static_cast<unsigned char>(reason)];
}

std::optional<Reason> reason_of(std::string_view token)
{
    for (const auto& row : rows)
        if (row.token == token) return row.reason;
    return std::nullopt;
}

ReasonRows all_reasons()
{
    return {std::begin(rows), std::end(rows)};
}

}  // namespace direct
