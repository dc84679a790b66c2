// The one place that turns a reason into what the peer reads.
#include "milter/sta/inbound.h"

namespace direct {

SmtpAnswer answer_for(Reason reason, bool verified, const std::string& help_url)
{
    const auto& row = row_of(reason);
    // Until a signature has verified every refusal is the same bytes: a difference between bad padding,
    // bad content and bad signature would open recorded mail for whoever can send variants (C14, O4).
    if (!verified && row.early) return {554, "5.7.1", "direct: not-accepted", true};
    if (is_temporary(reason) && row.token.substr(0, 8) != "newuser:")
        return {row.smtp, row.dsn, "direct: temporary trouble, please try again"};
    SmtpAnswer answer{row.smtp, row.dsn, ""};
    bool newuser = row.token.substr(0, 8) == "newuser:";
    answer.text = newuser ? std::string(row.peer) : "direct: " + std::string(row.token);
    if (reason == Reason::not_encrypted)
        answer.text += " (this address takes only encrypted Direct messages)";
    if (newuser && !help_url.empty()) answer.text += " " + help_url;
    return answer;
}

bool OpenedMail::any_accepted() const
{
    for (const auto& v : verdicts)
        if (!is_refusal(v.reason)) return true;
    return false;
}

namespace {

// Temporary trouble wins over every refusal: the sender keeps the message and nothing is lost.
Reason overall_of(const std::vector<RecipientVerdict>& verdicts)
{
    if (verdicts.empty()) return Reason::temporary;
    for (const auto& v : verdicts)
        if (is_temporary(v.reason)) return v.reason;
    for (const auto& v : verdicts)
        if (is_refusal(v.reason)) return v.reason;
    return verdicts.front().reason;
}

}  // namespace

Reason OpenedMail::overall() const
{
    return overall_of(verdicts);
}

}  // namespace direct
