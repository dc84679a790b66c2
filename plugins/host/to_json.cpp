// to_json.cpp - the JSON of directctl parse (a promise to users) from an outcome. What children sent was
// checked to be JSON when it came, so it is put together, not read again.
#include <algorithm>
#include <charconv>

#include "plugins/host/worker_pool.h"
#include "plugins/json_writer.h"

namespace direct {
namespace {

// One past the string that begins at `i`, its quotes included.
std::size_t string_end(std::string_view json, std::size_t i)
{
    for (++i; i < json.size() && json[i] != '"'; ++i)
        if (json[i] == '\\') ++i;
    return std::min(i + 1, json.size());
}

// Is this what stands between the quotes of a name, however it is written?
bool is_name(std::string_view written, std::string_view name)
{
    std::string plain;
    for (std::size_t i = 0; i < written.size() && plain.size() <= name.size(); ++i) {
        unsigned code = static_cast<unsigned char>(written[i]);
        if (written.substr(i).starts_with("\\u") && i + 6 <= written.size()) {
            std::from_chars(written.data() + i + 2, written.data() + i + 6, code, 16);
            i += 5;
        }
        plain += code < 0x80 ? static_cast<char>(code) : '?';
    }
    return plain == name;
}

// The members of an object, without those of that name. `object` was checked to be one.
std::string members_without(std::string_view object, std::string_view name)
{
    std::string out;
    int depth = 0;
    std::size_t begin = 0;
    bool ours = false, named = false;
    const auto take = [&](std::size_t end) {
        const auto member = object.substr(begin, end - begin);
        if (!ours && named) out.append(out.empty() ? "" : ",").append(member);
        begin = end + 1;
        ours = named = false;
    };
    for (std::size_t i = 0; i < object.size(); ++i) {
        const char c = object[i];
        if (c == '"') {
            const auto end = string_end(object, i);
            if (depth == 1 && !named) {
                ours = is_name(object.substr(i + 1, end - i - 2), name);
                named = true;
            }
            i = end - 1;
        } else if (c == '{' || c == '[') {
            if (++depth == 1) begin = i + 1;
        } else if (c == '}' || c == ']') {
            if (--depth == 0) take(i);
        } else if (c == ',' && depth == 1) {
            take(i);
        }
    }
    return out;
}

// The "document" object with the name of the plugin that read it at its end: ours, whatever the plugin says it is.
std::string with_plugin(std::string_view object, std::string_view plugin)
{
    auto out = "{" + members_without(object, "plugin");
    if (plugin.empty()) return out + "}";
    if (out.size() > 1) out += ',';
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
        w.field("plugin", outcome.plugin);
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
