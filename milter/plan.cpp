#include "milter/plan.h"

#include <libmilter/mfapi.h>

#include <algorithm>

namespace direct {
namespace {

bool edit_recipients_and_headers(SMFICTX* ctx, const Plan& plan)
{
    for (const auto& path : plan.drop_recipients) {
        std::string copy = path;
        if (smfi_delrcpt(ctx, copy.data()) != MI_SUCCESS) return false;
    }
    // From the last to the first, so that numbers still to be used do not move.
    auto removals = plan.remove_headers;
    std::stable_sort(removals.begin(), removals.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (auto& [name, number] : removals)
        if (smfi_chgheader(ctx, name.data(), number, nullptr) != MI_SUCCESS) return false;
    // SMFIP_HDR_LEADSPC: the MTA adds no blank of its own.
    for (auto [name, value] : plan.change_headers) {
        value.insert(value.begin(), ' ');
        if (smfi_chgheader(ctx, name.data(), 1, value.data()) != MI_SUCCESS) return false;
    }
    for (auto [name, value] : plan.add_headers) {
        value.insert(value.begin(), ' ');
        if (smfi_addheader(ctx, name.data(), value.data()) != MI_SUCCESS) return false;
    }
    return true;
}

bool replace_body(SMFICTX* ctx, const std::string& body)
{
    constexpr std::size_t piece = 16u << 20;  // smfi_replacebody takes an int
    for (std::size_t at = 0; at < body.size(); at += piece) {
        auto n = std::min(piece, body.size() - at);
        auto* p = reinterpret_cast<unsigned char*>(const_cast<char*>(body.data() + at));
        if (smfi_replacebody(ctx, p, static_cast<int>(n)) != MI_SUCCESS) return false;
    }
    return true;
}

sfsistat set_answer(SMFICTX* ctx, const SmtpAnswer& answer)
{
    std::string code = std::to_string(answer.code), dsn = answer.dsn, text;
    for (char c : answer.text) {  // libmilter reads % as a format
        if (c == '%') text += '%';
        text += c;
    }
    bool set = smfi_setreply(ctx, code.data(), dsn.data(), text.data()) == MI_SUCCESS;
    if (answer.code / 100 == 4) return SMFIS_TEMPFAIL;
    return set ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

}  // namespace

void Plan::refuse(const SmtpAnswer& with)
{
    verdict = with.code / 100 == 4 ? Verdict::tempfail : Verdict::reject;
    answer = with;
    drop_recipients.clear();
    remove_headers.clear();
    change_headers.clear();
    add_headers.clear();
    body.reset();
}

int apply(smfi_str* ctx, const Plan& plan)
{
    switch (plan.verdict) {
        case Plan::Verdict::tempfail:
        case Plan::Verdict::reject:
            return set_answer(ctx, plan.answer);
        case Plan::Verdict::discard:
            return SMFIS_DISCARD;
        case Plan::Verdict::accept:
            break;
    }
    if (!edit_recipients_and_headers(ctx, plan)) return SMFIS_TEMPFAIL;
    if (plan.body && !replace_body(ctx, *plan.body)) return SMFIS_TEMPFAIL;
    return SMFIS_ACCEPT;
}

}  // namespace direct
