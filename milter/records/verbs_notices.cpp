// verbs_notices.cpp - what became of mail that was sent: who has answered, who still has to.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "milter/base/text.h"
#include "milter/notify/watch.h"
#include "milter/records/lookup.h"
#include "milter/records/verbs.h"

namespace direct::verbs {
namespace {

Json when(std::int64_t ms)
{
    return ms ? Json(iso_ms(ms)) : Json(nullptr);
}

Json watch_row(const WatchRecord& w)
{
    Json row;
    row["message_id"] = w.message_id;
    row["sender"] = w.sender;
    row["recipient"] = w.recipient;
    row["leg"] = w.leg;
    row["state"] = w.state;
    row["failure"] = w.failure;
    row["final_delivery_asked"] = w.wants_final;
    row["sent"] = iso_ms(w.sent_ms);
    row["processed"] = when(w.processed_ms);
    row["dispatched"] = when(w.dispatched_ms);
    row["displayed"] = when(w.displayed_ms);
    row["failed"] = when(w.failed_ms);
    row["processed_by"] = when(w.processed_by_ms);
    row["dispatched_by"] = w.wants_final ? Json(iso_ms(w.dispatched_by_ms)) : Json(nullptr);
    row["queue_id"] = w.queue_id;
    return row;
}

/// The record tells what became of it; its commit was its custody and its delivery.
Json held_status(const HeldRecord& r)
{
    std::int64_t ended = 0;
    for (const char* end : {"notify-failed", "locked", "revoked", "expired"})
        for (const auto& n : r.notices)
            if (n.what == end) ended = ended ? std::min(ended, n.at_ms) : n.at_ms;
    Json row;
    row["message_id"] = r.message_id;
    row["sender"] = r.sender;
    row["recipient"] = r.newuser_address;
    row["leg"] = "held";
    row["state"] = r.state;
    row["failure"] = "";
    row["sent"] = iso_ms(r.received_ms);
    row["processed"] = iso_ms(r.received_ms);
    row["dispatched"] = iso_ms(r.received_ms);
    row["displayed"] = nullptr;
    row["failed"] = when(ended);
    row["held"] = hex(r.id);
    row["expires"] = iso_ms(r.expires_ms);
    return row;
}

}  // namespace

Reply watch_list(const Context& c, Parameters& p)
{
    Page page(p.number("limit", 1000, 1, 5000));
    bool all = p.number("all", 0, 0, 1) == 1;
    auto from = p.bytes("cursor");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    Json reply;
    reply["watch"] = Json::array();
    auto done = c.store.read([&](ReadTxn& txn) {
        return each_row(
            txn, Table::watch, {}, from, [&](std::string_view key, const Result<std::string>& value) {
                const auto row = value ? decode_watch(*value) : Result<WatchRecord>(fail(value.error()));
                if (row && (!row->is_sealed() || (!all && row->state != "waiting"))) return true;
                if (!page.room(key)) return false;
                page.add((value ? value->size() : 0) + 500);
                reply["watch"].push_back(row ? watch_row(*row) : damaged(key));
                return true;
            });
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["next"] = page.next();
    return good(reply);
}

Reply status(const Context& c, Parameters& p)
{
    auto id = p.text("message_id");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    id = with_brackets(id);
    auto rows = watches_of(c.store, id);
    if (!rows) return bad(rows.error());
    auto held = named<HeldRecord>(c, id, Table::held, Table::held_by, decode_held);
    if (!held) return bad(held.error());
    if (rows->empty() && held->empty())
        return bad(1, "not-found", "no message of ours with this Message-ID is known");
    Json reply;
    reply["watch"] = Json::array();
    for (const auto& w : *rows) reply["watch"].push_back(watch_row(w));
    for (const auto& r : *held) reply["watch"].push_back(held_status(r));
    return good(reply);
}

}  // namespace direct::verbs
