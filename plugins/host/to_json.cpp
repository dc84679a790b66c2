// to_json.cpp - the JSON of directctl parse (a promise to users) from an outcome. What children sent was
// checked to be JSON when it came, so it is put together, not read again.
#include "plugins/host/worker_pool.h"
#include "plugins/json_writer.h"

namespace direct {
namespace {

// The "document" object with the plugin's name put in at its end.
std::string with_plugin(std::string_view object, std::string_view plugin)
{
    const auto end = object.rfind('}');
    std::string out(object.substr(0, end));
    if (plugin.empty()) return out + "}";
    const auto last = out.find_last_not_of(" \t\r\n");
    if (last != std::string::npos && out[last] != '{') out += ',';
    out += "\"plugin\":";
    append_json_string(out, plugin);
    return out + "}";
}

void write(JsonWriter& w, const ParseOutcome& outcome, bool inner)
{
    w.open('{');
    if (inner) {
        w.field("filename", outcome.filename);
        if (!outcome.container.empty()) {
            w.name("container");
            w.raw(outcome.container);
        }
    }
    if (outcome.status != "parsed") {
        w.field("error", outcome.status);
        w.name("detail");
        w.text(outcome.detail);
        w.close('}');
        return;
    }
    w.name("document");
    w.raw(with_plugin(outcome.document, outcome.plugin));
    w.open_field("items", '[');
    for (auto& i : outcome.items) w.raw(i.json);
    w.close(']');
    w.name("skipped");
    w.raw(skipped_to_json(outcome.skipped));
    w.open_field("notes", '[');
    for (auto& n : outcome.notes) w.text(n);
    w.close(']');
    w.open_field("children", '[');
    for (auto& c : outcome.children) write(w, *c, true);
    w.close(']');
    w.close('}');
}

}  // namespace

SkippedPart not_listed(std::size_t documents)
{
    return {"documents", std::to_string(documents) + " more documents inside are not listed"};
}

std::string skipped_to_json(const std::vector<SkippedPart>& skipped)
{
    JsonWriter w;
    w.open('[');
    for (const auto& s : skipped) {
        w.open('{');
        w.field("section", s.section);
        w.field("reason", s.reason);
        w.close('}');
    }
    w.close(']');
    return w.take();
}

std::string to_json(const ParseOutcome& outcome)
{
    JsonWriter w;
    write(w, outcome, false);
    return w.take();
}

}  // namespace direct
