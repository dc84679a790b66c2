// records.cpp - what is asked of the record service: held, record, audit, outbox, store, reload, metrics.
// The daemon answers when it runs, the same code in this process when it does not. Lists are fetched page by
// page; JSON is one document whatever its length.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "milter/ctl/asking.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"

namespace direct::ctl {
namespace {

std::string time_of(const Json& row, const char* name)
{
    auto text = text_of(row, name);
    return text.size() < 16 ? text : text.substr(0, 10) + " " + text.substr(11, 5);
}

struct Column {
    const char* heading;
    const char* name;
    bool time = false;
};

/// A list in full: sorted newest first by `by` when that is given.
int list(const Common& common, std::string_view verb, const Json& parameters, const char* name,
         const char* by, const std::vector<Column>& columns)
{
    Asking asking(common);
    std::vector<Json> rows;
    if (!asking.pages(verb, parameters, name, "cursor", "next",
                      [&](Json& row) { rows.push_back(std::move(row)); }))
        return asking.exit();
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Json& a, const Json& b) { return text_of(a, by) > text_of(b, by); });
    if (common.json) {
        std::printf("%s\n", dump({{name, rows}}).c_str());
        return done;
    }
    std::vector<std::string> heading;
    for (const auto& c : columns) heading.emplace_back(c.heading);
    TextTable table(heading);
    for (const auto& row : rows) {
        std::vector<std::string> cells;
        for (const auto& c : columns) cells.push_back(c.time ? time_of(row, c.name) : text_of(row, c.name));
        table.add(std::move(cells));
    }
    table.print();
    return done;
}

int show(const Common& common, const Json& json)
{
    if (common.json)
        std::printf("%s\n", dump(json).c_str());
    else
        print_tree(json, "");
    return done;
}

/// A question with one answer that is printed as it is.
int show_answer(const Common& common, std::string_view verb, const Json& parameters)
{
    Asking asking(common);
    auto reply = asking.ask(verb, parameters);
    if (!reply) return asking.exit();
    show(common, *reply);
    return asking.exit();
}

void print_entry(const Json& e)
{
    std::printf("%s  %s  %s", time_of(e, "at").c_str(), printable(text_of(e, "event")).c_str(),
                printable(text_of(e, "token")).c_str());
    for (const char* name : {"sender", "recipient", "who", "message_id", "queue_id", "detail"})
        if (auto text = text_of(e, name); !text.empty())
            std::printf("  %s=%s", name, printable(text).c_str());
    if (auto n = text_of(e, "further_count"); !n.empty() && n != "0")
        std::printf("  further-recipients=%s", n.c_str());
    std::printf("\n");
}

}  // namespace

int cmd_held_list(const Common& common)
{
    return list(common, "held.list", Json::object(), "held", "received",
                {{"ID", "id"},
                 {"STATE", "state"},
                 {"RECEIVED", "received", true},
                 {"EXPIRES", "expires", true},
                 {"CONTACT", "contact"},
                 {"SENDER", "sender"},
                 {"ATTEMPTS", "attempts_left"}});
}

int cmd_held_show(const Common& common, const std::string& id)
{
    return show_answer(common, "held.show", {{"id", id}});
}

int cmd_held_revoke(const Common& common, const std::string& id)
{
    return show_answer(common, "held.revoke", {{"id", id}});
}

int cmd_held_purge(const Common& common, const std::string& id, bool all_ended)
{
    auto parameters = Json::object();
    if (!id.empty()) parameters["id"] = id;
    if (all_ended) parameters["ended"] = 1;
    return show_answer(common, "held.purge", parameters);
}

int cmd_record_list(const Common& common, const std::string& since)
{
    auto parameters = Json::object();
    if (!since.empty()) parameters["since"] = since;
    return list(common, "record.list", parameters, "records", "received",
                {{"ID", "id"},
                 {"RECEIVED", "received", true},
                 {"KIND", "kind"},
                 {"SENDER", "sender"},
                 {"RECIPIENTS", "recipients"},
                 {"MESSAGE-ID", "message_id"}});
}

int cmd_audit(const Common& common, const AuditOptions& given)
{
    auto parameters = Json::object();
    if (!given.since.empty()) parameters["since"] = given.since;
    if (!given.until.empty()) parameters["until"] = given.until;
    if (!given.id.empty()) parameters["id"] = given.id;
    Asking asking(common);
    bool first = true;
    // Entry by entry: an audit is longer than memory.
    bool good = asking.pages("audit.read", parameters, "entries", "after", "after", [&](Json& e) {
        if (common.json)
            std::printf("%s%s", first ? "{\"entries\":[\n" : ",\n", dump(e).c_str());
        else
            print_entry(e);
        first = false;
    });
    if (!good) return asking.exit();
    if (common.json) std::printf("%s", first ? "{\"entries\":[]}\n" : "\n]}\n");
    return done;
}

int cmd_audit_verify(const Common& common)
{
    Asking asking(common);
    auto reply = asking.ask("audit.verify", Json::object());
    if (!reply) return asking.exit();
    if (common.json)
        std::printf("%s\n", dump(*reply).c_str());
    else if (asking.exit() == done)
        std::printf("intact: %s entries\n", text_of(*reply, "entries").c_str());
    else
        std::printf("NOT intact: entry %s %s\n", text_of(*reply, "first_bad").c_str(),
                    printable(text_of(*reply, "what")).c_str());
    return asking.exit();
}

int cmd_outbox_list(const Common& common)
{
    return list(common, "outbox.list", Json::object(), "outbox", "created",
                {{"ID", "id"},
                 {"KIND", "kind"},
                 {"STATE", "state"},
                 {"DUE", "due", true},
                 {"TRIES", "tries"},
                 {"RECIPIENTS", "recipients"},
                 {"LAST ANSWER", "last_answer"}});
}

int cmd_record_reparse(const Common& common, const std::string& id, const std::string& plugin)
{
    if (id.empty() && plugin.empty()) return tell_usage("record reparse: name a message, or a --plugin");
    Asking asking(common);
    Json parameters = Json::object();
    if (!id.empty()) parameters["id"] = id;
    if (!plugin.empty()) parameters["plugin"] = plugin;
    for (std::uint64_t documents = 0;;) {
        const auto reply = asking.ask("record.reparse", parameters);
        if (!reply) return asking.exit();
        documents += reply->value("documents", std::uint64_t{0});
        if (!reply->contains("next")) return show(common, {{"documents", documents}});
        parameters["cursor"] = (*reply)["next"];
    }
}

int cmd_outbox_retry(const Common& common, const std::string& id)
{
    return show_answer(common, "outbox.retry", id.empty() ? Json::object() : Json{{"id", id}});
}

namespace {
const std::vector<Column> status_columns = {{"RECIPIENT", "recipient"},
                                            {"LEG", "leg"},
                                            {"STATE", "state"},
                                            {"SENT", "sent", true},
                                            {"PROCESSED", "processed", true},
                                            {"DISPATCHED", "dispatched", true},
                                            {"DISPLAYED", "displayed", true},
                                            {"FAILED", "failed", true},
                                            {"WHY", "failure"}};
const std::vector<Column> watch_columns = {
    {"MESSAGE-ID", "message_id"},     {"RECIPIENT", "recipient"},       {"STATE", "state"},
    {"SENT", "sent", true},           {"PROCESSED", "processed", true}, {"DISPATCHED", "dispatched", true},
    {"DISPLAYED", "displayed", true}, {"FAILED", "failed", true},       {"WHY", "failure"}};
}  // namespace

int cmd_watch_list(const Common& common, bool all)
{
    return list(common, "watch.list", all ? Json{{"all", 1}} : Json::object(), "watch", "sent",
                watch_columns);
}

int cmd_status(const Common& common, const std::string& message_id)
{
    return list(common, "status", Json{{"message_id", message_id}}, "watch", "sent", status_columns);
}

int cmd_store_stat(const Common& common)
{
    return show_answer(common, "store.stat", Json::object());
}

int cmd_reload(const Common& common)
{
    return show_answer(common, "reload", Json::object());
}

int cmd_metrics(const Common& common)
{
    Asking asking(common);
    auto reply = asking.ask("metrics", Json::object());
    if (!reply) return asking.exit();
    if (common.json) return show(common, *reply);
    std::printf("%s", text_of(*reply, "text").c_str());
    return done;
}

}  // namespace direct::ctl
