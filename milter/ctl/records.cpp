// records.cpp - what is asked of the record service: held, record, audit, outbox, store, reload, metrics.
// The daemon answers when it runs, the same code in this process when it does not. Lists are fetched page by
// page; JSON is one document whatever its length.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "milter/ctl/access.h"
#include "milter/ctl/commands.h"
#include "milter/ctl/print.h"

namespace direct::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_of(const Json& row, const char* name)
{
    auto found = row.find(name);
    if (found == row.end() || found->is_null()) return "";
    if (found->is_string()) return found->get<std::string>();
    if (!found->is_array()) return dump(*found);
    std::string out;
    for (const auto& one : *found)
        out += (out.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : dump(one));
    return out;
}

std::string time_of(const Json& row, const char* name)
{
    auto text = text_of(row, name);
    return text.size() < 16 ? text : text.substr(0, 10) + " " + text.substr(11, 5);
}

/// A command's connection to the service: configuration read once, trouble told once.
class Asking {
public:
    explicit Asking(const Common& common) : common_(common) {}

    /// The reply as JSON; nothing when it went wrong, exit() then says how.
    std::optional<Json> ask(std::string_view verb, const Json& parameters)
    {
        if (!house_ && !open()) return std::nullopt;
        auto reply = house_->ask(verb, dump(parameters));
        if (!reply) {
            exit_ = tell(reply.error());
            return std::nullopt;
        }
        auto json = Json::parse(reply->json, nullptr, false);
        exit_ = reply->exit;
        if (json.is_object() && !json.contains("error")) return json;
        say_error(json);
        return std::nullopt;
    }

    /// All pages of a list; false when it went wrong. `row` sees every member of `name`.
    bool pages(std::string_view verb, Json parameters, const char* name, const char* cursor_in,
               const char* cursor_out, const std::function<void(Json&)>& row)
    {
        for (;;) {
            auto page = ask(verb, parameters);
            if (!page) return false;
            for (auto& one : (*page)[name]) row(one);
            auto next = page->find(cursor_out);
            if (next == page->end()) return true;
            parameters[cursor_in] = *next;
        }
    }

    int exit() const { return exit_; }

private:
    bool open()
    {
        auto settings = settings_of(common_);
        if (!settings) {
            exit_ = tell(settings.error());
            return false;
        }
        house_.emplace(common_, *settings);
        return true;
    }

    void say_error(const Json& json)
    {
        auto detail = json.is_object() ? text_of(json, "detail") : "the reply cannot be read";
        if (exit_ == done) exit_ = later;
        if (exit_ == refused && common_.json)
            std::printf("%s\n", dump(json).c_str());
        else if (exit_ == refused)
            std::printf("%s\n", printable(detail).c_str());
        else
            std::fprintf(stderr, "directctl: %s\n", printable(detail).c_str());
    }

    const Common& common_;
    std::optional<House> house_;
    int exit_ = done;
};

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

/// "name: value" lines; objects and lists of objects further in.
void print_tree(const Json& json, const std::string& indent)
{
    for (const auto& [name, value] : json.items()) {
        bool rows = value.is_array() && !value.empty() && value.front().is_structured();
        if (value.is_object()) {
            std::printf("%s%s:\n", indent.c_str(), printable(name).c_str());
            print_tree(value, indent + "  ");
        } else if (rows) {
            for (const auto& one : value) {
                std::printf("%s%s:\n", indent.c_str(), printable(name).c_str());
                print_tree(one, indent + "  ");
            }
        } else if (auto text = text_of(json, name.c_str()); !text.empty()) {
            std::printf("%s%s: %s\n", indent.c_str(), printable(name).c_str(), printable(text).c_str());
        }
    }
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

int cmd_record_show(const Common& common, const std::string& id)
{
    Asking asking(common);
    Json parameters = {{"id", id}}, whole;
    std::vector<Json> items;
    for (;;) {
        auto page = asking.ask("record.show", parameters);
        if (!page) return asking.exit();
        if (whole.is_null()) {
            whole["record"] = (*page)["record"];
            if (page->contains("also")) whole["also"] = (*page)["also"];
            whole["documents"] = Json::array();
        }
        if (auto documents = page->find("documents"); documents != page->end())
            for (auto& d : *documents) whole["documents"].push_back(std::move(d));
        if (auto found = page->find("items"); found != page->end())
            for (auto& i : *found) items.push_back(std::move(i));
        auto next = page->find("next");
        if (next == page->end()) break;
        parameters["cursor"] = *next;
    }
    for (auto& d : whole["documents"]) {
        d["items"] = Json::array();
        for (auto& i : items)
            if (i.contains("part") && d.contains("part") && i["part"] == d["part"])
                d["items"].push_back(std::move(i["item"]));
    }
    return show(common, whole);
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

int cmd_outbox_retry(const Common& common, const std::string& id)
{
    return show_answer(common, "outbox.retry", id.empty() ? Json::object() : Json{{"id", id}});
}

namespace {
const std::vector<Column> watch_columns = {
    {"MESSAGE-ID", "message_id"},     {"RECIPIENT", "recipient"},       {"STATE", "state"},
    {"SENT", "sent", true},           {"PROCESSED", "processed", true}, {"DISPATCHED", "dispatched", true},
    {"DISPLAYED", "displayed", true}, {"FAILED", "failed", true},       {"WHY", "failure"}};
}

int cmd_watch_list(const Common& common, bool all)
{
    return list(common, "watch.list", all ? Json{{"all", 1}} : Json::object(), "watch", "sent",
                watch_columns);
}

int cmd_status(const Common& common, const std::string& message_id)
{
    return list(common, "status", Json{{"message_id", message_id}}, "watch", "sent", watch_columns);
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
