#include "milter/notify/outbox_outcome.h"

#include <syslog.h>

#include <algorithm>

#include "milter/base/log.h"
#include "milter/base/metrics.h"
#include "milter/base/text.h"
#include "milter/notify/leg.h"
#include "milter/notify/outbox_rows.h"
#include "milter/notify/retry_pause.h"

namespace direct {
namespace {

constexpr std::uint32_t content_tries = 3;  // unreadable content: the disk may recover, damage does not

void append(std::vector<std::string>& to, const std::vector<std::string>& from)
{
    to.insert(to.end(), from.begin(), from.end());
}

Status note_settled(WriteTxn& txn, const OutboxEntry& entry, const Outcome& outcome, std::int64_t now_ms)
{
    if (outcome.done.empty()) return Done{};
    SettledRecord settled;
    TRY(const auto earlier, txn.get(Table::settled, entry.id));
    if (earlier) {
        TRY(settled, decode_settled(*earlier));
    }
    settled.kind = entry.kind;
    settled.envelope_id = entry.envelope_id;
    settled.message_id = entry.message_id;
    settled.answer = outcome.answer;
    settled.at_ms = now_ms;
    append(settled.taken, outcome.taken);
    for (const auto& r : outcome.refused)
        if (std::find(settled.refused.begin(), settled.refused.end(), r) == settled.refused.end())
            settled.refused.push_back(r);
    return txn.put(Table::settled, entry.id, encode(settled));
}

// What the MTA took is in its custody, what it refused will not be delivered: the senders are to hear of both.
Status follow(WriteTxn& txn, const RecordStore& store, const OutboxEntry& entry, const Outcome& outcome,
              std::int64_t now_ms)
{
    std::vector<std::string> refused;
    for (const auto& address : outcome.done)
        if (std::find(outcome.taken.begin(), outcome.taken.end(), address) == outcome.taken.end())
            refused.push_back(address);
    return note_handed_over(txn, store, entry.envelope_id, outcome.taken, refused,
                            Time(milliseconds(now_ms)));
}

}  // namespace

Outcome outcome_of(const OutboxEntry& entry, const HandOverResult& result)
{
    Outcome out;
    out.id = entry.id;
    for (const auto& r : result.recipients) {
        if (!r.text.empty()) out.answer = r.text;
        if (r.code >= 200 && r.code <= 299)
            out.taken.push_back(r.recipient);
        else if (r.code >= 500 && r.code <= 599)
            out.refused.push_back(r.recipient + " " + r.text);
        else
            continue;
        out.done.push_back(r.recipient);
    }
    if (!result.trouble.empty()) out.answer = result.trouble;
    if (result.maybe_taken)
        out.answer += "; the message was sent whole and may have been taken: it is sent again";
    return out;
}

Status apply_outcome(WriteTxn& txn, const RecordStore& store, const OutboxEntry& tried,
                     const Outcome& outcome, const Settings& settings, std::int64_t now_ms,
                     OutboxEntry& after)
{
    CHECK(note_settled(txn, tried, outcome, now_ms));
    CHECK(follow(txn, store, tried, outcome, now_ms));
    after = {};
    TRY(const auto before, get_outbox(txn, tried.id));
    if (!before) return Done{};
    after = *before;
    std::erase_if(after.recipients, [&](const std::string& r) {
        return std::find(outcome.taken.begin(), outcome.taken.end(), r) != outcome.taken.end();
    });
    if (after.recipients.empty()) return remove_outbox(txn, *before);
    ++after.tries;
    after.last_answer = outcome.answer;
    after.due_ms = now_ms + retry_pause(after.tries, settings).count();
    const bool given_up =
        after.tries >= tries_min && now_ms - after.created_ms >= settings.reinject_give_up.count();
    const bool damaged = outcome.unreadable && after.tries >= content_tries;
    // A refusal is kept with its content, shown by outbox list and check: a wrong line in Postfix's configuration
    // must not destroy what was accepted. retry_outbox() tries it again.
    const auto is_done = [&](const std::string& r) {
        return std::find(outcome.done.begin(), outcome.done.end(), r) != outcome.done.end();
    };
    const bool refused = std::all_of(after.recipients.begin(), after.recipients.end(), is_done);
    after.state = given_up || damaged || refused ? "failed" : "waiting";
    if (after.state == "failed")
        CHECK(note_handed_over(txn, store, after.envelope_id, {}, after.recipients,
                               Time(milliseconds(now_ms))));
    // One whose sender has just heard that it failed is not tried along with the others: he may send it again.
    if (after.state == "waiting") {
        TRY(const bool told, is_followed(txn, after.envelope_id));
        if (told) std::erase_if(after.recipients, is_done);
    }
    return put_outbox(txn, *before, after);
}

void report_outcome(const OutboxEntry& tried, const Outcome& outcome, const OutboxEntry& after)
{
    const bool left = !after.id.empty() && !after.recipients.empty();
    const char* what = !left ? (outcome.taken.empty() ? "refused" : "handed-over")
                             : (after.state == "failed" ? "given-up" : "later");
    LogLine line(left || !outcome.refused.empty() ? LOG_WARNING : LOG_INFO, tried.queue_id, "outbox");
    line.with("id", hex(tried.id)).with("kind", tried.kind).with("what", what);
    line.with("taken", static_cast<std::int64_t>(outcome.taken.size()));
    line.with("refused", static_cast<std::int64_t>(outcome.refused.size()));
    if (left) line.with("waiting", static_cast<std::int64_t>(after.recipients.size()));
    line.with("answer", outcome.answer);
    if (!left && !outcome.taken.empty()) count(Metric::outbox_sent_total);
    if (left) count(Metric::outbox_retries_total);
    if (!outcome.refused.empty() || (left && after.state == "failed")) count(Metric::outbox_failed_total);
}

}  // namespace direct
