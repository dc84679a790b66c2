// leg.cpp - see leg.h.
#include "milter/notify/leg.h"

#include <algorithm>
#include <unordered_map>

#include "milter/base/text.h"
#include "milter/notify/held_end.h"
#include "milter/notify/once.h"
#include "milter/notify/owed_notice.h"
#include "milter/notify/sweep.h"
#include "milter/notify/watch.h"
#include "milter/store/codec.h"
#include "milter/store/schema.h"

namespace direct {

template <class F, class R>
requires std::same_as<std::remove_const_t<R>, LegRecord>
void fields(F& f, R& r)
{
    f(1, r.envelope_id);
    f(2, r.original_message_id);
    f(3, r.sender);
    f(4, r.queue_id);
    f(5, r.wants_notices);
    f(6, r.wants_final);
    f(7, r.relay_is_final);
    f(8, r.created_ms);
    f(9, r.waiting);
    f(10, r.processed);
    f(11, r.delivered);
    f(12, r.relayed);
    f(13, r.failed);
    f(14, r.held);
    f(15, r.digest);
    f(16, r.once_id);
    f(17, r.told_by_report);
}

namespace {

using List = std::vector<std::string>;

/// Moves a recipient between two states; false when it is not in the first.
bool move(List& from, List& to, const std::string& spelled)
{
    auto at = std::find(from.begin(), from.end(), spelled);
    if (at == from.end()) return false;
    to.push_back(std::move(*at));
    from.erase(at);
    return true;
}

OwedNotice notice_about(const LegRecord& leg, const std::string& recipient, const char* disposition)
{
    OwedNotice n;
    n.disposition = disposition;
    n.recipient = recipient;
    n.sender = leg.sender;
    n.original_message_id = leg.original_message_id;
    n.queue_id = leg.queue_id;
    return n;
}

/// The row that tells a repeat from a new message.
std::string leg_key(const RecordStore& store, const LegRecord& leg, const std::string& recipient)
{
    return once_key(store, "leg", leg.once_id, leg.sender, recipient, leg.digest);
}

OwedLeg owed_leg(const LegRecord& leg, const Address& recipient)
{
    return {leg.original_message_id, leg.sender, recipient, hex(leg.envelope_id), leg.created_ms};
}

class Following {
public:
    Following(WriteTxn& txn, const RecordStore& store, LegRecord leg, Time now)
        : txn_(txn), store_(store), leg_(std::move(leg)), now_(now)
    {
        for (const auto* list :
             {&leg_.waiting, &leg_.processed, &leg_.delivered, &leg_.relayed, &leg_.failed})
            for (const auto& address : *list) spelled_.emplace(same_mailbox(address), address);
    }

    Status taken(const std::string& address)
    {
        const auto spelled = ours(address);
        if (!spelled || !move(leg_.waiting, leg_.processed, *spelled) || !leg_.held.empty() ||
            leg_.told_by_report)
            return Done{};
        CHECK(told(*spelled, "processed"));
        return owe(notice_about(leg_, *spelled, "processed"));
    }

    Status refused(const std::string& address, const char* why)
    {
        const auto spelled = ours(address);
        if (!spelled ||
            (!move(leg_.waiting, leg_.failed, *spelled) && !move(leg_.processed, leg_.failed, *spelled) &&
             !move(leg_.relayed, leg_.failed, *spelled)))
            return Done{};
        if (!leg_.held.empty()) return owe_for_held();
        if (leg_.told_by_report) return goes_into_report(*spelled);
        CHECK(told(*spelled, "failed", why));
        auto notice = notice_about(leg_, *spelled, "failed");
        notice.failure = why;
        CHECK(owe(std::move(notice)));
        return may_be_sent_again(*spelled);
    }

    /// Words for audit; "" for an address that is not in this leg.
    Result<std::string> reported(const std::string& address, const std::string& action)
    {
        const auto spelled = ours(address);
        if (!spelled) return std::string();
        // The report may overtake our noting of the 250: whoever reports a delivery has the message.
        if (action != "failed") CHECK(taken(address));
        if (action == "failed") {
            CHECK(refused(address, "delivery-failed"));
        } else if (action == "delivered" || (action == "relayed" && relay_is_final(*spelled))) {
            bool news = move(leg_.processed, leg_.delivered, *spelled) ||
                        move(leg_.relayed, leg_.delivered, *spelled);
            if (news) CHECK(told(*spelled, "delivered"));
            if (news && leg_.wants_final) {
                auto notice = notice_about(leg_, *spelled, "dispatched");
                notice.final_delivery = true;
                CHECK(owe(std::move(notice)));
            }
        } else if (action == "relayed" || action == "expanded") {
            if (move(leg_.processed, leg_.relayed, *spelled)) CHECK(told(*spelled, "relayed"));
        }
        return action + " " + *spelled;
    }

    Status keep()
    {
        CHECK(keep_leg(txn_, leg_));
        return in_report_.empty() ? Status(Done{}) : owe_report(txn_, report(), now_);
    }

private:
    /// What the help desk reads.
    Status told(const std::string& spelled, const char* state, const char* failure = "")
    {
        const auto recipient = parse_address(spelled, true, true);
        if (!recipient) return Done{};
        return note_local(txn_, store_, leg_.original_message_id, leg_.sender, *recipient, state, failure,
                          now_);
    }

    /// The recipient that an address means, as the leg spells it.
    std::optional<std::string> ours(const std::string& address) const
    {
        const auto found = spelled_.find(same_mailbox(address));
        return found == spelled_.end() ? std::nullopt : std::optional<std::string>(found->second);
    }

    Status goes_into_report(const std::string& spelled)
    {
        const auto recipient = parse_address(spelled, true, true);
        if (!recipient) return Done{};
        TRY(const bool news, note_leg_refused(txn_, store_, owed_leg(leg_, *recipient), now_));
        if (news) in_report_.push_back(spelled);
        CHECK(txn_.erase(Table::idempotency, leg_key(store_, leg_, spelled)));
        return Done{};
    }

    OwedNotice report() const
    {
        OwedNotice n;
        n.sender = leg_.sender;
        n.recipients = in_report_;
        n.failure = token_of(Reason::handover_refused);
        n.original_message_id = leg_.original_message_id;
        n.queue_id = leg_.queue_id;
        return n;
    }

    /// The sender has been told that it failed: the same message from him is a new try, not a repeat, and he hears of it.
    Status may_be_sent_again(const std::string& spelled)
    {
        CHECK(txn_.erase(Table::idempotency, leg_key(store_, leg_, spelled)));
        for (const char* disposition : {"processed", "dispatched", "failed"})
            CHECK(
                txn_.erase(Table::idempotency, notice_key(store_, notice_about(leg_, spelled, disposition))));
        return Done{};
    }

    bool relay_is_final(const std::string& address) const
    {
        auto parsed = parse_address(address, true, true);
        const auto& domains = leg_.relay_is_final;
        return parsed && std::find(domains.begin(), domains.end(), parsed->domain) != domains.end();
    }

    /// Nobody will hear of these records: their senders are told, each in the name of the newuser address.
    Status owe_for_held()
    {
        for (const auto& id : leg_.held)
            CHECK(end_held(txn_, store_, id, "notify-failed", now_, leg_.queue_id));
        return Done{};
    }

    Status owe(OwedNotice notice)
    {
        return leg_.wants_notices ? owe_notice(txn_, store_, std::move(notice), now_) : Status(Done{});
    }

    WriteTxn& txn_;
    const RecordStore& store_;
    LegRecord leg_;
    Time now_;
    std::unordered_map<std::string, std::string> spelled_;  // mailbox -> as the leg has it
    List in_report_;
};

Result<std::optional<LegRecord>> leg_of(ReadTxn& txn, std::string_view envelope_id_hex)
{
    auto id = unhex(envelope_id_hex);
    if (!id || id->size() != id_size) return std::optional<LegRecord>();
    return get_leg(txn, *id);
}

}  // namespace

Status keep_leg(WriteTxn& txn, const LegRecord& leg)
{
    return txn.put(Table::leg, leg.envelope_id, encode_fields(leg));
}

Result<std::optional<LegRecord>> get_leg(ReadTxn& txn, std::string_view envelope_id)
{
    TRY(const auto bytes, txn.get(Table::leg, envelope_id));
    if (!bytes) return std::optional<LegRecord>();
    LegRecord leg;
    if (!decode_fields(*bytes, leg)) return fail(temporary("store: a record does not decode: leg"));
    return std::optional<LegRecord>(std::move(leg));
}

Status note_handed_over(WriteTxn& txn, const RecordStore& store, std::string_view envelope_id_hex,
                        const std::vector<std::string>& taken, const std::vector<std::string>& refused,
                        Time now)
{
    TRY(auto leg, leg_of(txn, envelope_id_hex));
    if (!leg) return Done{};
    Following following(txn, store, std::move(*leg), now);
    for (const auto& a : taken) CHECK(following.taken(a));
    for (const auto& a : refused) CHECK(following.refused(a, "delivery-refused"));
    return following.keep();
}

Result<bool> is_followed(ReadTxn& txn, std::string_view envelope_id_hex)
{
    TRY(const auto leg, leg_of(txn, envelope_id_hex));
    return leg.has_value();
}

Result<std::vector<std::string>> not_sent_again(WriteTxn& txn, const RecordStore& store,
                                                std::string_view envelope_id_hex,
                                                const std::vector<std::string>& recipients, Time now)
{
    TRY(auto leg, leg_of(txn, envelope_id_hex));
    if (!leg || !leg->held.empty()) return recipients;
    std::vector<std::string> out;
    for (const auto& r : recipients) {
        if (std::find(leg->failed.begin(), leg->failed.end(), r) != leg->failed.end()) {
            TRY(const bool first, first_time(txn, leg_key(store, *leg, r), "leg", now));
            if (!first) continue;
            // What comes of it now is told as if it were the first try.
            move(leg->failed, leg->waiting, r);
            if (const auto address = parse_address(r, true, true); address && leg->told_by_report)
                CHECK(note_leg_tried_again(txn, store, owed_leg(*leg, *address), now));
        }
        out.push_back(r);
    }
    CHECK(keep_leg(txn, *leg));
    return out;
}

Result<std::vector<std::string>> note_delivery(WriteTxn& txn, const RecordStore& store,
                                               std::string_view envelope_id_hex, const DeliveryNotice& report,
                                               Time now)
{
    std::vector<std::string> told;
    TRY(auto leg, leg_of(txn, envelope_id_hex));
    if (!leg || leg->told_by_report) return told;
    Following following(txn, store, std::move(*leg), now);
    for (const auto& r : report.recipients) {
        const auto& who = r.original_recipient ? r.original_recipient : r.final_recipient;
        if (!who || r.action.empty()) continue;
        TRY(auto line, following.reported(who->text(), r.action));
        if (!line.empty()) told.push_back(std::move(line));
    }
    CHECK(following.keep());
    return told;
}

Result<std::size_t> sweep_legs(RecordStore& store, Time before)
{
    return sweep_rows(store, Table::leg, [&](std::string_view value) {
        LegRecord leg;
        return decode_fields(value, leg) && leg.created_ms < before.time_since_epoch().count();
    });
}

}  // namespace direct
