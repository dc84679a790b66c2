// about.cpp - see about.h.
#include "plugins/xdm/about.h"

#include <algorithm>
#include <cstddef>

#include "plugins/declared.h"
#include "plugins/plugin_bytes.h"
#include "plugins/time_stamp.h"

namespace direct::xdm {
namespace {

// What the document object has beside its lists: a title, an id and names, each of 4 KB at most and escaped.
constexpr std::uint64_t headroom = 64u << 10;

std::uint64_t most_of(const direct_host& host)
{
    constexpr auto known = offsetof(direct_host, max_document) + sizeof host.max_document;
    return host.size >= known && host.max_document ? host.max_document : host.max_json;
}

// "123^^^&1.2.3&ISO" as an id.
void patient_field(JsonWriter& w, std::string_view cx)
{
    if (cx.empty()) return;
    w.open_field("patient", '{');
    w.open_field("ids", '[');
    w.open('{');
    const auto root = cx.find('&');
    if (root != cx.npos) w.field("root", cx.substr(root + 1, cx.find('&', root + 1) - root - 1));
    w.field("extension", cx.substr(0, cx.find('^')));
    w.close('}');
    w.close(']');
    w.close('}');
}

// An object with one more member at its beginning.
std::string with_place(std::string_view object, std::string_view path)
{
    std::string out = "{\"in\":";
    append_json_string(out, path);
    if (object.size() > 2) out += ',';
    return out.append(object.substr(1));
}

}  // namespace

void About::document(const DocumentEntry& entry, std::string_view path, bool mismatch)
{
    JsonWriter w;
    w.open('{');
    w.field("path", path);
    w.field("title", entry.title);
    w.field("uniqueId", entry.unique_id);
    w.field("mimeType", entry.mime_type);
    w.field("entryId", entry.object_id);
    if (mismatch) w.flag_field("mismatch", true);
    w.close('}');
    documents_.push_back(w.take());
}

void About::ignored(std::string_view name)
{
    std::string json;
    append_json_string(json, name);
    ignored_.push_back(std::move(json));
}

void About::list(const char* name, std::span<const std::string> values, bool empty_too)
{
    if (values.empty() && !empty_too) return;
    w_.open_field(name, '[');
    const std::size_t most = std::min(room_, limits::list_max);
    std::size_t used = 0, dropped = 0;
    for (const auto& value : values) {
        if (used + value.size() + 1 > most) {
            ++dropped;
            continue;
        }
        w_.raw(value);
        used += value.size() + 1;
    }
    room_ -= used;
    w_.close(']');
    if (dropped)
        left_out_.push_back(std::string(name) + ": " + std::to_string(dropped) + " of " +
                            std::to_string(values.size()) + " are not listed, there is no room for more");
}

void About::list_of(const char* name, std::span<const Subset> subsets, Objects objects, bool empty_too)
{
    if (subsets.size() == 1) return list(name, subsets[0].metadata.*objects, empty_too);
    std::vector<std::string> all;
    for (const auto& s : subsets)
        for (const auto& object : s.metadata.*objects) all.push_back(with_place(object, s.path));
    list(name, all, empty_too);
}

void About::package_fields(std::span<const Subset> subsets)
{
    const auto set = std::find_if(subsets.begin(), subsets.end(),
                                  [](auto& s) { return !s.metadata.submission_sets.empty(); });
    if (set != subsets.end()) {
        const Metadata& m = set->metadata;
        w_.field("title", m.title);
        w_.field("id", m.unique_id);
        const TimeStamp time = read_time(m.submission_time);
        w_.field("effectiveTime", time.iso.empty() ? m.submission_time : time.iso);
        patient_field(w_, m.patient_id);
    }
    list_of("submissionSets", subsets, &Metadata::submission_sets, true);
    list("documents", documents_, true);
    list_of("folders", subsets, &Metadata::folders);
    list_of("packages", subsets, &Metadata::packages);
    list_of("associations", subsets, &Metadata::associations);
    list_of("objectRefs", subsets, &Metadata::references);
    list_of("more", subsets, &Metadata::more);
}

std::string About::json(bool xdm, std::span<const Subset> subsets, std::size_t members)
{
    const auto most = most_of(host_);
    room_ = most > headroom ? static_cast<std::size_t>(most - headroom) : 0;
    w_.open('{');
    w_.field("kind", xdm ? "xdm" : "file");
    w_.field("type", xdm ? "XDM" : "application/zip");
    if (xdm)
        package_fields(subsets);
    else
        w_.field("title", view(document_.filename).substr(0, 1024));
    w_.number_field("members", members);
    list("ignored", ignored_);
    w_.number_field("size", document_.content.len);
    declared_fields(w_, {xdm ? "xdm" : "file", xdm ? "" : "application/zip"}, document_);
    w_.close('}');
    return w_.take();
}

}  // namespace direct::xdm
