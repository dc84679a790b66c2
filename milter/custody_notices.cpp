// What a message means for notifications: whether its sender is to hear, and what an arrived notice says of ours.
#include <algorithm>

#include "milter/base/text.h"
#include "milter/custody_parts.h"
#include "milter/notify/watch.h"

namespace direct {

NoticeWishes wishes_of(const Site& site, std::string_view inner_message, const std::string& envelope_from)
{
    NoticeWishes wishes;
    auto path = parse_path(envelope_from);
    auto entity = read_entity(inner_message, site.mime_limits());
    wishes.is_notice = entity && notice_kind(*entity, site.mime_limits()) != NoticeKind::none;
    if (!entity || (path && !*path)) return wishes;
    wishes.reports = !wishes.is_notice;
    if (is_automatic(entity->headers)) return wishes;
    wishes.notices = !wishes.is_notice;
    wishes.final = wishes.notices && asks_for_final_delivery(entity->headers);
    return wishes;
}

LegRecord followed_leg(const Taking& taking, const NoticeWishes& wishes)
{
    LegRecord leg;
    leg.envelope_id = new_id();
    leg.queue_id = taking.facts.queue_id;
    leg.wants_notices = wishes.notices;
    leg.wants_final = wishes.final;
    leg.created_ms = taking.facts.now.time_since_epoch().count();
    for (const auto& d : taking.site.settings->domains)
        if (d.final_ == "relayed") leg.relay_is_final.push_back(d.name);
    return leg;
}

LegRecord reported_leg(const OutboxEntry& entry, const std::string& sender, const std::string& message_id,
                       const std::string& once_id, const std::string& digest)
{
    LegRecord leg;
    leg.told_by_report = true;
    leg.envelope_id = unhex(entry.envelope_id).value_or("");
    leg.original_message_id = message_id;
    leg.sender = sender;
    leg.queue_id = entry.queue_id;
    leg.once_id = once_id;
    leg.digest = digest;
    leg.created_ms = entry.created_ms;
    leg.waiting = entry.recipients;
    return leg;
}

std::optional<WatchRecord> recipient_row(const Facts& facts, const RecipientVerdict& verdict,
                                         const std::string& sender, const std::string& message_id)
{
    if (verdict.reason == Reason::held || is_temporary(verdict.reason)) return std::nullopt;
    WatchRecord row;
    row.message_id = message_id;
    row.sender = sender;
    row.return_path = facts.return_path();
    row.recipient = verdict.recipient.text();
    row.queue_id = facts.queue_id;
    row.sent_ms = facts.now.time_since_epoch().count();
    if (is_refusal(verdict.reason)) {
        row.leg = row.state = "refused";
        row.failure = token_of(verdict.reason);
        row.failed_ms = row.sent_ms;
    } else if (verdict.reason == Reason::untouched) {
        row.leg = row.state = "untouched";
    } else if (verdict.reason == Reason::sealed) {
        row.state = "sent";
    } else {
        row.leg = "local";
        row.state = "queued";
    }
    return row;
}

Status note_untouched(WriteTxn& txn, const House& house, const Facts& facts,
                      const std::vector<Recipient>& recipients, const std::string& sender,
                      const std::string& message_id)
{
    for (const auto& r : recipients) {
        if (r.ours || !r.address) continue;
        const RecipientVerdict verdict{*r.address, Reason::untouched, {}, {}};
        CHECK(note_recipient(txn, house.store, *recipient_row(facts, verdict, sender, message_id)));
    }
    return Done{};
}

Status note_refused(WriteTxn& txn, const House& house, const Facts& facts,
                    std::span<const RecipientVerdict> verdicts, const std::string& sender,
                    const std::string& message_id)
{
    for (const auto& v : verdicts)
        if (const auto row = recipient_row(facts, v, sender, message_id))
            CHECK(note_recipient(txn, house.store, *row));
    return Done{};
}

Status owe_held_notices(WriteTxn& txn, const House& house, const Facts& facts, const NoticeWishes& wishes,
                        const PreparedPickup& p)
{
    if (!wishes.notices) return Done{};
    OwedNotice notice;
    notice.disposition = "processed";
    notice.recipient = p.recipient.text();
    notice.sender = p.held.record.sender;
    notice.original_message_id = p.held.record.message_id;
    notice.queue_id = facts.queue_id;
    notice.about = p.held.record.id;
    notice.warnings = p.held.record.warnings;
    CHECK(owe_notice(txn, house.store, notice, facts.now));
    if (!wishes.final) return Done{};
    notice.disposition = "dispatched";
    notice.final_delivery = true;
    notice.warnings.clear();
    return owe_notice(txn, house.store, std::move(notice), facts.now);
}

std::vector<NoticeClaim> claims_in(const Site& site, std::string_view inner_message,
                                   const Certificate& signer)
{
    std::vector<NoticeClaim> out;
    auto limits = site.mime_limits();
    auto entity = read_entity(inner_message, limits);
    auto kind = entity ? notice_kind(*entity, limits) : NoticeKind::none;
    auto add = [&](const std::string& id, const std::optional<Address>& who, std::string disposition,
                   bool final_delivery, std::string failure) {
        if (who && !id.empty() && !disposition.empty() && signer.bound_to(*who))
            out.push_back({id, *who, std::move(disposition), final_delivery, std::move(failure)});
    };
    if (kind == NoticeKind::disposition) {
        if (auto n = read_disposition_notice(*entity, limits))
            add(n->original_message_id, n->final_recipient, n->disposition, n->final_delivery, n->failure);
    } else if (kind == NoticeKind::delivery) {
        if (auto n = read_delivery_notice(*entity, limits))
            for (const auto& r : n->recipients)
                if (r.action == "failed")
                    add(n->original_message_id,
                        r.original_recipient ? r.original_recipient : r.final_recipient, "failed", false,
                        r.status);
    }
    return out;
}

namespace {

/// Whom notices about a watched message may come to: From and return path.
std::vector<Address> told_of(const WatchRecord& watch)
{
    std::vector<Address> out;
    if (!watch.is_sealed()) return out;
    for (const auto& text : {watch.sender, watch.return_path})
        if (auto address = parse_address(text, true, true)) out.push_back(*std::move(address));
    return out;
}

bool among(const std::vector<Address>& some, const Address& one)
{
    return std::find(some.begin(), some.end(), one) != some.end();
}

}  // namespace

Result<bool> note_claims(WriteTxn& txn, const RecordStore& store, const std::vector<NoticeClaim>& claims,
                         const std::vector<Address>& to, Time now, std::string& told)
{
    constexpr std::size_t claims_told =
        10;  // one notice is about one message; a report may name a thousand recipients
    std::size_t seen = 0;
    bool show = claims.empty();
    for (const auto& c : claims) {
        const auto to_its_sender = [&](const WatchRecord& watch) {
            const auto senders = told_of(watch);
            return std::any_of(to.begin(), to.end(), [&](const auto& a) { return among(senders, a); });
        };
        TRY(const auto use, note_notice(txn, store, c.message_id, c.recipient, c.disposition,
                                        c.final_delivery, c.failure, now, to_its_sender));
        show |= use == NoticeUse::news || use == NoticeUse::unknown;
        const char* word = use == NoticeUse::news       ? "noted"
                           : use == NoticeUse::repeated ? "noted before"
                           : use == NoticeUse::late     ? "late, after the failure report"
                                                        : "about no message of his that we watch";
        if (++seen <= claims_told)
            told += "; notice " + c.disposition + " of " + c.recipient.text() + " " + word;
    }
    if (seen > claims_told) told += "; and " + std::to_string(seen - claims_told) + " notices more";
    return show;
}

Result<bool> about_mail_of(RecordStore& store, const std::vector<NoticeClaim>& claims, const Address& to)
{
    bool about = false;
    CHECK(store.read([&](ReadTxn& txn) -> Status {
        for (const auto& c : claims) {
            TRY(const auto watches, watches_for(txn, store, c.message_id, c.recipient));
            for (const auto& w : watches) about |= among(told_of(w), to);
        }
        return Done{};
    }));
    return about;
}

}  // namespace direct
