// service.cpp - the table of verbs, who may use them, and the reading of parameters.
#include "milter/records/service.h"

#include <syslog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "milter/base/log.h"
#include "milter/base/text.h"
#include "milter/records/protocol.h"
#include "milter/records/verbs.h"

namespace direct {
namespace verbs {
namespace {

// A page is ended by whichever comes first; a single row never reaches the difference to reply_frame_max.
constexpr std::size_t page_bytes = 3 * 1024 * 1024;

enum class Rights : unsigned char {
    read,    // group direct too
    secret,  // only for root and the daemon's own user: tells what documents say; the verb writes the audit
    change,  // only for the same; each is a line of the log
};

struct Verb {
    const char* name;
    Rights rights;
    Reply (*run)(const Context&, Parameters&);
};

constexpr Verb table[] = {
    {"held.list", Rights::read, held_list},
    {"held.show", Rights::read, held_show},
    {"held.revoke", Rights::change, held_revoke},
    {"held.purge", Rights::change, held_purge},
    {"record.list", Rights::read, record_list},
    {"record.show", Rights::read, record_show},
    {"record.items", Rights::secret, record_items},
    {"record.document", Rights::secret, record_document},
    {"record.content", Rights::secret, record_content},
    {"record.reparse", Rights::change, record_reparse},
    {"audit.read", Rights::read, audit_read},
    {"audit.verify", Rights::read, audit_verify},
    {"outbox.list", Rights::read, outbox_list},
    {"outbox.retry", Rights::change, outbox_retry},
    {"watch.list", Rights::read, watch_list},
    {"status", Rights::read, status},
    {"store.stat", Rights::read, store_stat},
    {"metrics", Rights::read, metrics},
    {"bundle.list", Rights::read, bundle_list},
    {"bundle.refresh", Rights::change, bundle_refresh},
    {"reload", Rights::change, reload},
    {"note", Rights::change, note},
};

}  // namespace

const Json* Parameters::find(const char* name)
{
    asked_.emplace_back(name);
    auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
}

void Parameters::wrong(const char* name, const char* what)
{
    if (fault_.empty()) fault_ = std::string("parameter ") + name + ": " + what;
}

std::string Parameters::text(const char* name, std::size_t max)
{
    const auto* value = find(name);
    if (!value) return "";
    if (value->is_string() && value->get_ref<const std::string&>().size() <= max)
        return value->get<std::string>();
    wrong(name, "no text, or too long");
    return "";
}

std::vector<std::string> Parameters::texts(const char* name, std::size_t max_each)
{
    const auto* value = find(name);
    std::vector<std::string> out;
    if (!value) return out;
    if (!value->is_array() || value->size() > 100) {
        wrong(name, "no list, or too long");
        return out;
    }
    for (const auto& one : *value) {
        if (!one.is_string() || one.get_ref<const std::string&>().size() > max_each) {
            wrong(name, "a member is no text, or too long");
            return {};
        }
        out.push_back(one.get<std::string>());
    }
    return out;
}

std::int64_t Parameters::number(const char* name, std::int64_t otherwise, std::int64_t min, std::int64_t max)
{
    const auto* value = find(name);
    if (!value) return otherwise;
    // An unsigned number beyond int64 would wrap: it is out of bounds whatever the bounds are.
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() &&
          value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))) {
        auto n = value->get<std::int64_t>();
        if (n >= min && n <= max) return n;
    }
    wrong(name, "no number, or out of bounds");
    return otherwise;
}

std::optional<Time> Parameters::time(const char* name)
{
    auto given = text(name, 40);
    if (given.empty()) return std::nullopt;
    auto parsed = parse_iso8601(given);
    if (parsed) return *parsed;
    wrong(name, "no date or time such as 2026-11-22 or 2026-11-22T03:10:00Z");
    return std::nullopt;
}

std::string Parameters::bytes(const char* name)
{
    auto parsed = unhex(text(name, 1000));
    if (parsed) return *parsed;
    wrong(name, "no hexadecimal number");
    return "";
}

Status Parameters::check()
{
    if (fault_.empty())
        for (const auto& [name, value] : object_.items())
            if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
                fault_ = "parameter " + log_quote(name, 40) + " is not known";
                break;
            }
    if (fault_.empty()) return Done{};
    return fail(refuse(Reason::input, fault_));
}

bool Page::room(std::string_view key)
{
    if (rows_ < limit_ && (rows_ == 0 || bytes_ < page_bytes)) return true;
    next_ = hex(key);
    return false;
}

std::string print(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Reply good(const Json& json)
{
    return {0, print(json)};
}

Reply bad(int exit, std::string_view error, std::string_view detail)
{
    Json json;
    json["error"] = error;
    json["detail"] = detail;
    return {exit, print(json)};
}

Reply bad(const Fault& fault)
{
    if (fault.reason == Reason::input || fault.reason == Reason::configuration)
        return bad(2, token_of(fault.reason), fault.why);
    return bad(fault.retry == Retry::later ? 75 : 1, fault.token(), fault.why);
}

Json embedded(const std::string& json_text)
{
    if (!shallow_json(json_text, frame_depth_max - 8)) return json_text;
    auto value = Json::parse(json_text, nullptr, false);
    return value.is_discarded() ? Json(json_text) : value;
}

std::string iso_ms(std::int64_t ms)
{
    return iso8601(Time(milliseconds(ms)));
}

}  // namespace verbs

RecordService::RecordService(RecordStore& store, const Clock& clock, DaemonHooks hooks)
    : store_(store), clock_(clock), hooks_(std::move(hooks))
{
}

std::vector<std::string> RecordService::verbs()
{
    std::vector<std::string> names;
    for (const auto& verb : verbs::table) names.emplace_back(verb.name);
    return names;
}

Reply RecordService::handle(const Caller& caller, std::string_view verb, std::string_view parameters)
{
    using namespace direct::verbs;
    const auto* found =
        std::find_if(std::begin(table), std::end(table), [&](auto& v) { return v.name == verb; });
    if (found == std::end(table)) return bad(2, "input", "there is no such verb");
    if (found->rights != Rights::read && !caller.admin)
        return bad(1, "not-permitted", "only root and the daemon's own user may do this");
    Json object(Json::value_t::discarded);
    if (parameters.size() <= request_frame_max && shallow_json(parameters))
        object = Json::parse(parameters, nullptr, false);
    if (!object.is_object()) return bad(2, "input", "the parameters are no JSON object");
    Parameters given(object);
    auto reply = found->run({caller, store_, clock_, hooks_}, given);
    if (found->rights == Rights::change)
        LogLine(LOG_INFO, "", "control").with("who", caller.name).with("verb", verb).with("exit", reply.exit);
    return reply;
}

}  // namespace direct
