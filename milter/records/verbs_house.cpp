// verbs_house.cpp - audit, outbox, store and what only the running daemon can do.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "milter/audit/refusals.h"
#include "milter/base/text.h"
#include "milter/notify/outbox.h"
#include "milter/notify/owed_notice.h"
#include "milter/records/lookup.h"
#include "milter/records/verbs.h"
#include "milter/store/schema.h"

namespace direct::verbs {
namespace {

constexpr std::size_t owed_shown_max = 1000;  // of a reply: notifications not yet sealed
constexpr const char* not_running = "the daemon is not running";

Json audit_row(const AuditEntry& e)
{
    Json row;
    row["sequence"] = e.sequence;
    row["at"] = iso8601(e.at);
    row["event"] = e.event;
    row["who"] = e.who;
    row["from_host"] = e.from_host;
    row["sender"] = e.sender;
    row["recipient"] = e.recipient;
    row["message_id"] = e.message_id;
    row["queue_id"] = e.queue_id;
    row["token"] = e.token;
    row["detail"] = e.detail;
    row["certificates"] = e.certificates;
    row["further"] = e.further;
    row["further_count"] = e.further_count;
    row["chain"] = hex(e.chain);
    return row;
}

Json outbox_row(const OutboxEntry& e)
{
    Json row;
    row["id"] = hex(e.id);
    row["kind"] = e.kind;
    row["state"] = e.state;
    row["envelope_from"] = e.envelope_from;
    row["envelope_id"] = e.envelope_id;
    row["recipients"] = e.recipients;
    row["notify"] = e.notify;
    row["bytes"] = e.content.size;
    row["message"] = hex(e.message_id);
    row["queue_id"] = e.queue_id;
    row["created"] = iso_ms(e.created_ms);
    row["due"] = iso_ms(e.due_ms);
    row["tries"] = e.tries;
    row["last_answer"] = e.last_answer;
    return row;
}

/// A notification that is owed and not yet signed and sealed: it becomes an entry once it is.
Json owed_row(const OwedNotice& n)
{
    Json row;
    row["id"] = hex(n.id);
    row["kind"] = n.is_report() ? "failure-dsn" : n.disposition + "-notice";
    row["state"] = "to-seal";
    row["recipients"] = Json::array({n.sender});
    row["queue_id"] = n.queue_id;
    row["created"] = iso_ms(n.created_ms);
    row["due"] = iso_ms(n.due_ms);
    row["tries"] = n.tries;
    row["last_answer"] = "";
    return row;
}

/// What a command may have written into the audit in its own name.
constexpr const char* note_events[] = {"init",       "explain",       "key-request", "key-add",
                                       "anchor-add", "anchor-remove", "bundle",      "bundle-add"};

Status remember(const Context& c, const char* event, std::string detail, bool ok)
{
    AuditEntry entry;
    entry.at = c.clock.now();
    entry.event = event;
    entry.who = c.caller.name;
    entry.from_host = "local";
    entry.token = ok ? "ok" : "failed";
    entry.detail = std::move(detail);
    return audit_now(c.store, std::move(entry));
}

}  // namespace

Reply audit_read(const Context& c, Parameters& p)
{
    AuditQuery query;
    query.since = p.time("since");
    query.until = p.time("until");
    query.id = p.text("id");
    auto limit = p.number("limit", 2000, 1, 20000);
    auto after = static_cast<std::uint64_t>(p.number("after", 0, 0, INT64_MAX));
    if (auto ok = p.check(); !ok) return bad(ok.error());
    query.after = after;
    Page page(limit);
    std::uint64_t last = after;
    Json reply;
    reply["entries"] = Json::array();
    auto done = read_audit(c.store, query, [&](const AuditEntry& e) {
        if (!page.room("more")) return false;
        page.add(e.detail.size() + e.recipient.size() + 70 * e.certificates.size() +
                 audit_address_max * e.further.size() + 500);
        reply["entries"].push_back(audit_row(e));
        last = e.sequence;
        return true;
    });
    if (!done) return bad(done.error());
    if (page.full()) reply["after"] = last;
    return good(reply);
}

Reply audit_verify(const Context& c, Parameters& p)
{
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto checked = verify_audit(c.store);
    if (!checked) return bad(checked.error());
    Json reply;
    reply["intact"] = checked->intact;
    reply["entries"] = checked->entries;
    if (!checked->intact) {
        reply["first_bad"] = checked->first_bad;
        reply["what"] = checked->what;
    }
    return {checked->intact ? 0 : 1, print(reply)};
}

Reply outbox_list(const Context& c, Parameters& p)
{
    Page page(p.number("limit", 1000, 1, 5000));
    auto from = p.bytes("cursor");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    Json reply;
    reply["outbox"] = Json::array();
    auto done = c.store.read([&](ReadTxn& txn) {
        return each_row(
            txn, Table::outbox, {}, from, [&](std::string_view key, const Result<std::string>& value) {
                if (!page.room(key)) return false;
                page.add((value ? value->size() : 0) + 500);
                const auto entry = value ? decode_outbox(*value) : Result<OutboxEntry>(fail(value.error()));
                reply["outbox"].push_back(entry ? outbox_row(*entry) : damaged(key));
                return true;
            });
    });
    if (!done) return bad(done.error());
    if (page.full()) {
        reply["next"] = page.next();
        return good(reply);
    }
    auto owed = owed_notices(c.store, owed_shown_max);
    if (!owed) return bad(owed.error());
    for (const auto& n : *owed) reply["outbox"].push_back(owed_row(n));
    return good(reply);
}

Reply outbox_retry(const Context& c, Parameters& p)
{
    auto id = p.text("id", 64);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto number = retry_outbox(c.store, id, c.clock.now());
    if (!number) return bad(number.error());
    if (!id.empty() && *number == 0) return bad(1, "not-found", "no outbox entry has this id");
    if (auto told = remember(c, "outbox-retry", id.empty() ? "all entries" : id, true); !told)
        return bad(told.error());
    if (c.hooks.wake_outbox) c.hooks.wake_outbox();
    return good({{"entries", *number}});
}

Reply store_stat(const Context& c, Parameters& p)
{
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto stat = c.store.stat();
    if (!stat) return bad(stat.error());
    Json reply;
    reply["schema"] = stat->schema;
    reply["used_bytes"] = stat->used_bytes;
    reply["map_bytes"] = stat->map_bytes;
    reply["size_max"] = stat->size_max;
    reply["content_files"] = stat->content_files;
    reply["content_bytes"] = stat->content_bytes;
    reply["readers"] = stat->readers;
    reply["last_txn"] = stat->last_txn;
    for (const auto& [name, number] : stat->entries) reply["entries"][name] = number;
    return good(reply);
}

Reply bundle_list(const Context& c, Parameters& p)
{
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (!c.hooks.bundles) return bad(75, "temporary", not_running);
    return {0, c.hooks.bundles()};
}

Reply bundle_refresh(const Context& c, Parameters& p)
{
    auto name = p.text("name", 200);
    bool dry_run = p.number("dry_run", 0, 0, 1) == 1;
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (!c.hooks.refresh_bundles) return bad(75, "temporary", not_running);
    auto done = c.hooks.refresh_bundles(name, dry_run, c.caller.name);
    if (!done) return bad(done.error());
    return {0, *done};
}

Reply reload(const Context& c, Parameters& p)
{
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (!c.hooks.reload) return bad(75, "temporary", not_running);
    auto done = c.hooks.reload();
    if (auto told = remember(c, "reload", done ? "" : done.error().why, done.has_value()); !told)
        return bad(told.error());
    if (!done) return bad(done.error());
    return good({{"reloaded", true}});
}

Reply metrics(const Context& c, Parameters& p)
{
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (!c.hooks.metrics) return bad(75, "temporary", not_running);
    return good({{"text", c.hooks.metrics()}});
}

Reply note(const Context& c, Parameters& p)
{
    AuditEntry entry;
    entry.event = p.text("event", 40);
    entry.sender = p.text("sender");
    entry.recipient = p.text("recipient", 20000);
    entry.message_id = p.text("message_id");
    entry.token = p.text("token", 200);
    entry.detail = p.text("detail", 4000);
    entry.certificates = p.texts("certificates", 64);
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (std::find(std::begin(note_events), std::end(note_events), entry.event) == std::end(note_events))
        return bad(2, "input", "this event is not written by commands");
    entry.at = c.clock.now();
    entry.who = c.caller.name;
    entry.from_host = "local";
    if (auto done = audit_now(c.store, std::move(entry)); !done) return bad(done.error());
    return good({{"noted", true}});
}

}  // namespace direct::verbs
