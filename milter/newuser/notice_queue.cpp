// notice_queue.cpp - see notice_queue.h.
#include "milter/newuser/notice_queue.h"

#include <algorithm>
#include <optional>

#include "milter/base/text.h"
#include "milter/newuser/notice.h"
#include "milter/notify/held_notice.h"
#include "milter/notify/leg.h"
#include "milter/notify/outbox.h"
#include "milter/notify/outbox_rows.h"

namespace direct {
namespace {

// Untouched and not about to be sent: it can still be replaced.
bool replaceable(const std::optional<OutboxEntry>& entry, std::int64_t now_ms)
{
    return entry && entry->state == "waiting" && entry->tries == 0 && entry->due_ms > now_ms;
}

struct Gathered {
    std::string row_seen;
    std::vector<HeldRecord> records;
    std::vector<std::string> entries;
    std::int64_t due_ms = 0;
};

Status gather_records(ReadTxn& txn, std::string_view ids, std::vector<HeldRecord>& out)
{
    for (; ids.size() >= id_size; ids.remove_prefix(id_size)) {
        TRY(const auto bytes, txn.get(Table::held, ids.substr(0, id_size)));
        if (!bytes) continue;
        TRY(auto record, decode_held(*bytes));
        if (still_waits(record)) out.push_back(std::move(record));
    }
    return Done{};
}

Status gather(ReadTxn& txn, const std::string& row_key, std::int64_t now_ms, std::int64_t interval_ms,
              Gathered& out)
{
    out = {};
    out.due_ms = now_ms;
    TRY(const auto bytes, txn.get(Table::notice, row_key));
    if (!bytes) return Done{};
    out.row_seen = *bytes;
    TRY(const NoticeRow row, decode_notice_row(*bytes));
    // A notice that lies far ahead was written before the clock was set back.
    if (now_ms >= row.last_ms + interval_ms || row.last_ms > now_ms + 2 * interval_ms) return Done{};
    out.due_ms = row.last_ms + interval_ms;
    for (const auto& id : row.entries) {
        TRY(const auto entry, get_outbox(txn, id));
        if (!replaceable(entry, now_ms)) continue;
        out.due_ms = out.entries.empty() ? entry->due_ms : std::min(out.due_ms, entry->due_ms);
        out.entries.push_back(id);
        CHECK(gather_records(txn, entry->message_id, out.records));
    }
    return Done{};
}

/// One that is tried again is no longer replaced; it can still be taken back.
Status keep_those_left(WriteTxn& txn, NoticeRow& row)
{
    std::vector<std::string> left;
    for (auto& id : row.entries) {
        TRY(const auto entry, get_outbox(txn, id));
        if (entry) left.push_back(std::move(id));
    }
    row.entries = std::move(left);
    return Done{};
}

/// Its bounce tells the senders of the records it names.
LegRecord leg_of(const OutboxEntry& notice)
{
    LegRecord leg;
    if (auto id = unhex(notice.envelope_id)) leg.envelope_id = *id;
    leg.queue_id = notice.queue_id;
    leg.created_ms = notice.created_ms;
    leg.waiting = notice.recipients;
    for (std::size_t at = 0; at + id_size <= notice.message_id.size(); at += id_size)
        leg.held.push_back(notice.message_id.substr(at, id_size));
    return leg;
}

}  // namespace

Status PreparedNotice::write(WriteTxn& txn) const
{
    OutboxEntry owed = entry;
    NoticeRow row;
    TRY(const auto bytes, txn.get(Table::notice, row_key));
    if (bytes) {
        TRY(row, decode_notice_row(*bytes));
    }
    const bool changed = bytes.value_or("") != row_seen;
    bool overtaken = changed;
    if (!changed) {
        for (const auto& id : replaces) {
            TRY(const auto waiting, get_outbox(txn, id));
            if (replaceable(waiting, 0)) {
                CHECK(remove_outbox(txn, *waiting));
            } else {
                overtaken = true;  // it has just been sent
            }
        }
        CHECK(keep_those_left(txn, row));
    }
    if (overtaken) owed.due_ms = std::max(entry.created_ms, row.last_ms + interval.count());
    row.last_ms = owed.due_ms;
    row.entries.push_back(owed.id);
    CHECK(txn.put(Table::notice, row_key, encode(row)));
    CHECK(content->attach(txn));
    CHECK(keep_leg(txn, leg_of(owed)));
    return owe(txn, owed);
}

Result<PreparedNotice> prepare_notice(RecordStore& store, const HeldRecord& record,
                                      const DomainSettings& domain, const Settings& settings,
                                      const std::string& host, const std::string& queue_id, Time now)
{
    PreparedNotice out;
    const std::int64_t now_ms = now.time_since_epoch().count();
    out.interval = settings.newuser_notice_interval;
    out.row_key = notice_row_key(store, record.contact);
    Gathered gathered;
    CHECK(store.read(
        [&](ReadTxn& txn) { return gather(txn, out.row_key, now_ms, out.interval.count(), gathered); }));
    gathered.records.push_back(record);
    TRY(const Notice notice, make_digest(gathered.records, domain, settings, host, now));
    TRY(out.content, store.prepare(notice.message));
    out.row_seen = std::move(gathered.row_seen);
    out.replaces = std::move(gathered.entries);

    OutboxEntry& e = out.entry;
    e.id = new_id();
    e.kind = "pickup-notice";
    e.envelope_from = notice.envelope_from;
    e.envelope_id = notice.token;
    e.recipients = {record.contact};
    e.notify = "FAILURE";
    e.content = out.content->ref();
    for (const auto& r : gathered.records) e.message_id += r.id;
    e.queue_id = queue_id;
    e.created_ms = now_ms;
    e.due_ms = gathered.due_ms;
    return out;
}

}  // namespace direct
