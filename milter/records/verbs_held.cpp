// verbs_held.cpp - held records as an administrator sees and ends them: whose, when, what state. Never: answer, code, subject,
// content.
#include <nlohmann/json.hpp>
#include <variant>

#include "milter/audit/audit.h"
#include "milter/base/text.h"
#include "milter/notify/held_end.h"
#include "milter/notify/held_purge.h"
#include "milter/records/lookup.h"
#include "milter/records/verbs.h"
#include "milter/store/schema.h"

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

/// The one record that is meant; a reply when there is none, or more than one.
std::variant<HeldRecord, Reply> the_one(const Context& c, const std::string& given)
{
    auto found = named<HeldRecord>(c, given, Table::held, Table::held_by, decode_held);
    if (!found) return bad(found.error());
    if (found->empty()) return bad(1, "not-found", "no held record has this id or Message-ID");
    if (found->size() > 1) {
        std::vector<Candidate> all;
        for (const auto& r : *found) all.push_back({r.id, r.received_ms, r.contact});
        return several("held records", "contact", all);
    }
    return std::move(found->front());
}

Status audit_of_end(WriteTxn& txn, const Context& c, const HeldRecord& record, const char* token)
{
    auto e = held_end_entry(record, token, c.clock.now());
    e.who = c.caller.name;
    e.from_host = "local";
    return append_audit(txn, c.store, std::move(e));
}

/// All whose time of waiting for it has begun.
Reply purge_all_ended(const Context& c)
{
    Json purged = Json::array();
    for (;;) {
        const auto now = c.clock.now();
        const auto keys = held_to_purge(c.store, now, 100);
        if (!keys) return bad(keys.error());
        if (keys->empty()) return good({{"purged", purged}});
        std::vector<std::string> ids;
        auto done = c.store.write_making_room([&](WriteTxn& txn) -> Status {
            ids.clear();
            for (const auto& key : *keys) {
                CHECK(txn.erase(Table::held_by, key));
                TRY(const auto record, purge_held(txn, c.store, key.substr(key.size() - id_size), now));
                if (!record) continue;
                CHECK(audit_of_end(txn, c, *record, "record-purged"));
                ids.push_back(hex(record->id));
            }
            return Done{};
        });
        if (!done) return bad(done.error());
        for (auto& id : ids) purged.push_back(std::move(id));
    }
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
    const auto one = the_one(c, given);
    if (const auto* reply = std::get_if<Reply>(&one)) return *reply;
    const auto& record = std::get<HeldRecord>(one);
    std::optional<HeldRecord> ended;
    auto done = c.store.write([&](WriteTxn& txn) -> Status {
        TRY(ended, end_held(txn, c.store, record.id, "revoked", c.clock.now()));
        return ended ? audit_of_end(txn, c, *ended, "record-revoked") : Status(Done{});
    });
    if (!done) return bad(done.error());
    if (!ended) return bad(1, "input", "it waits no more: its state is " + record.state);
    if (c.hooks.wake_outbox) c.hooks.wake_outbox();
    return good({{"revoked", hex(ended->id)}});
}

/// Content and key of one that has ended, or of all of them, before newuser.purge_after has passed.
Reply held_purge(const Context& c, Parameters& p)
{
    auto given = p.text("id");
    const bool all_ended = p.number("ended", 0, 0, 1) == 1;
    if (auto ok = p.check(); !ok) return bad(ok.error());
    if (given.empty() != all_ended) return bad(2, "input", "either one record or all that have ended");
    if (all_ended) return purge_all_ended(c);
    const auto one = the_one(c, given);
    if (const auto* reply = std::get_if<Reply>(&one)) return *reply;
    const auto& record = std::get<HeldRecord>(one);
    const auto now = c.clock.now();
    std::optional<HeldRecord> purged;
    auto done = c.store.write_making_room([&](WriteTxn& txn) -> Status {
        TRY(purged, purge_held(txn, c.store, record.id, now));
        return purged ? audit_of_end(txn, c, *purged, "record-purged") : Status(Done{});
    });
    if (!done) return bad(done.error());
    if (!purged && record.state == "purged") return bad(1, "input", "it was purged before");
    if (!purged && may_be_opened(record, now))
        return bad(
            1, "input",
            "its state is " + record.state + ": the person may open it until " + iso_ms(record.expires_ms));
    if (!purged)
        return bad(1, "input", "it waits for the person, its state is " + record.state + ": revoke it first");
    return good({{"purged", Json::array({hex(purged->id)})}});
}

}  // namespace direct::verbs
