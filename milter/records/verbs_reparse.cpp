// verbs_reparse.cpp - documents that are to be read again, once a plugin has been mended. Pages of bounded size: the caller
// asks until there is no next one.
#include <nlohmann/json.hpp>

#include "milter/audit/audit.h"
#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/items/owe_again.h"
#include "milter/records/lookup.h"
#include "milter/records/record_rows.h"

namespace direct::verbs {
namespace {

Status remember_reparse(const Context& c, const MessageRecord* message, const std::string& plugin,
                        std::size_t owed)
{
    AuditEntry entry;
    entry.at = c.clock.now();
    entry.event = "record-reparse";
    entry.who = c.caller.name;
    entry.from_host = "local";
    entry.token = "ok";
    if (message) entry.message_id = message->message_id;
    entry.detail = std::to_string(owed) + " attachments" +
                   (plugin.empty() ? "" : " that " + log_quote(plugin) + " failed on");
    return audit_now(c.store, std::move(entry));
}

}  // namespace

Reply record_reparse(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    auto plugin = p.text("plugin", 130);
    auto from = p.bytes("cursor");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (given.empty() && plugin.empty()) return bad(2, "input", "a message or a plugin is wanted");
    NamedRecord found;
    if (!given.empty()) {
        auto named = named_record(c, given);
        if (!named) return bad(named.error());
        if (!*named) return no_such_record();
        found = *std::move(named);
        if (!found.message) return bad(1, "input", "one message is wanted, by its id or Message-ID");
    }
    if (!found.also.empty()) {
        std::vector<Candidate> all{{found.message->id, found.message->received_ms, found.message->sender}};
        for (const auto& other : found.also) all.push_back({other.id, other.received_ms, other.sender});
        return several("messages", "sender", all);
    }
    const auto* message = found.message ? &*found.message : nullptr;
    auto done = reparse(c.store, message ? message->id : "", plugin, from);
    if (!done) return bad(done.error());
    if (done->owed || !message || from.empty())
        if (auto told = remember_reparse(c, message, plugin, done->owed); !told) return bad(told.error());
    if (done->owed && c.hooks.wake_outbox) c.hooks.wake_outbox();
    Json reply{{"documents", done->owed}};
    if (!done->next.empty()) reply["next"] = hex(done->next);
    return good(reply);
}

}  // namespace direct::verbs
