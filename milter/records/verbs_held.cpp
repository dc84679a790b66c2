// verbs_held.cpp - held records as an administrator sees them: whose, when, what state. Never: answer, code,
// subject, content.
#include <nlohmann/json.hpp>

#include "milter/audit/audit.h"
#include "milter/notify/held_end.h"
#include "milter/records/lookup.h"

namespace direct::verbs {
namespace {

Json held_row(const HeldRecord& r)
{
    Json row;
    row["id"] = hex(r.id);
    row["state"] = r.state;
    row["environment"] = r.environment;
    row["domain"] = r.domain;
    row["contact"] = r.contact;
    row["sender"] = r.sender;
    row["organisation"] = r.sender_organisation;
    row["message_id"] = r.message_id;
    row["received"] = iso_ms(r.received_ms);
    row["expires"] = iso_ms(r.expires_ms);
    row["has_question"] = !r.question.empty();
    row["attempts_left"] = r.attempts_left;
    row["attachments"] = r.attachments.size();
    row["warnings"] = r.warnings;
    return row;
}

Json held_whole(const HeldRecord& r, bool admin)
{
    auto row = held_row(r);
    row["newuser"] = r.newuser_address;
    row["name"] = r.display_name;
    row["language"] = r.language;
    row["sender_certificate"] = r.sender_fingerprint;
    row["answer_exposed"] = r.answer_exposed;
    // Whoever may read the store's key may read the question; the group that only reads may not.
    if (admin && !r.question.empty()) row["question"] = r.question;
    row["content_bytes"] = r.content.size;
    row["notices"] = Json::array();
    for (const auto& n : r.notices) row["notices"].push_back({{"at", iso_ms(n.at_ms)}, {"what", n.what}});
    row["attachments"] = Json::array();
    for (const auto& a : r.attachments)
        row["attachments"].push_back({{"filename", a.filename},
                                      {"type", a.declared_type},
                                      {"kind", a.kind},
                                      {"bytes", a.size},
                                      {"sha256", hex(a.sha256)}});
    return row;
}

Result<Json> held_value(std::string_view value)
{
    TRY(auto record, decode_held(value));
    return held_row(record);
}

}  // namespace

Reply held_list(const Context& c, Parameters& p)
{
    return list_table(c, p, Table::held, "held", held_value);
}

Reply held_show(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named<HeldRecord>(c, given, Table::held, Table::held_by, decode_held);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no held record has this id or Message-ID");
    Json reply;
    reply["held"] = held_whole(found->front(), c.caller.admin);
    for (std::size_t i = 1; i < found->size(); ++i) reply["also"].push_back(hex((*found)[i].id));
    return good(reply);
}

/// Withdrawn before it was picked up; its sender hears of it.
Reply held_revoke(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    if (auto ok = p.check(); !ok) return bad(ok.error());
    auto found = named<HeldRecord>(c, given, Table::held, Table::held_by, decode_held);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no held record has this id or Message-ID");
    if (found->size() > 1)
        return bad(1, "input", "several held records carry this Message-ID: name one by its id");
    std::optional<HeldRecord> ended;
    auto done = c.store.write([&](WriteTxn& txn) -> Status {
        const auto now = c.clock.now();
        TRY(ended, end_held(txn, c.store, found->front().id, "revoked", now));
        if (!ended) return Done{};
        auto e = held_end_entry(*ended, "record-revoked", now);
        e.who = c.caller.name;
        e.from_host = "local";
        return append_audit(txn, c.store, std::move(e));
    });
    if (!done) return bad(done.error());
    if (!ended) return bad(1, "input", "it waits no more: its state is " + found->front().state);
    if (c.hooks.wake_outbox) c.hooks.wake_outbox();
    return good({{"revoked", hex(ended->id)}});
}

}  // namespace direct::verbs
