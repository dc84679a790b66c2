#include "tests/unit/ccda/plugin_under_test.h"

#include <dlfcn.h>

#include <set>
#include <stdexcept>

#include "plugins/host/json_check.h"
#include "tests/support/vectors.h"

namespace direct::test {
namespace {

std::string text(direct_bytes b)
{
    return b.data ? std::string(b.data, b.len) : std::string();
}

// No object says a member twice: readers would see the last one only.
nlohmann::json parse_once(const std::string& s)
{
    std::vector<std::set<std::string>> open;
    return nlohmann::json::parse(s, [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
        using Event = nlohmann::json::parse_event_t;
        if (event == Event::object_start) open.emplace_back();
        if (event == Event::object_end) open.pop_back();
        if (event == Event::key && !open.back().insert(value.get<std::string>()).second)
            throw std::runtime_error("member twice: " + value.get<std::string>() + " in " +
                                     s.substr(0, 2000));
        return true;
    });
}

// Whatever a plugin says must be an object for the host: a broken one ends the test at once.
nlohmann::json object(direct_bytes b)
{
    if (!is_json_object(text(b))) throw std::runtime_error("not a JSON object: " + text(b).substr(0, 200));
    return parse_once(text(b));
}

direct_document document_of(const std::string& bytes, const std::string& charset)
{
    return {sizeof(direct_document), {bytes.data(), bytes.size()}, {}, {charset.data(), charset.size()}, {}};
}

direct_bytes bytes_of(const std::string& s)
{
    return {s.data(), s.size()};
}

Told& told(void* context)
{
    return *static_cast<Told*>(context);
}

direct_host recording(Told& into)
{
    direct_host h{};
    h.size = sizeof h;
    h.context = &into;
    h.document = [](void* c, direct_bytes json) {
        told(c).document = object(json);
        return 0;
    };
    h.item = [](void* c, const direct_item* item) {
        auto json = object(item->json);
        if (json.at("section") != text(item->section) || json.at("kind") != text(item->kind))
            throw std::runtime_error("section or kind differ from the item's own");
        told(c).items.push_back(std::move(json));
        return 0;
    };
    h.skip = [](void* c, direct_bytes s, direct_bytes r) {
        told(c).skipped.emplace_back(text(s), text(r));
        return 0;
    };
    h.note = [](void* c, direct_bytes t) {
        told(c).notes.push_back(text(t));
        return 0;
    };
    h.child = [](void* c, const direct_child* child) {
        told(c).children.emplace_back(text(child->media_type), text(child->content));
        told(c).child_names.push_back(text(child->filename));
        told(c).containers.push_back(child->json.len ? object(child->json) : nlohmann::json());
        return 0;
    };
    h.max_items = 1000000;
    h.max_json = 1 << 20;
    h.max_document = 4 << 20;
    return h;
}

struct Calls {
    int left;
    std::size_t items;
};
int counted(void* c)
{
    auto& calls = *static_cast<Calls*>(c);
    return calls.left > 0 && --calls.left == 0;
}

direct_host counting(Calls& into)
{
    direct_host h{};
    h.size = sizeof h;
    h.context = &into;
    h.document = [](void* c, direct_bytes) { return counted(c); };
    h.item = [](void* c, const direct_item*) {
        ++static_cast<Calls*>(c)->items;
        return counted(c);
    };
    h.skip = [](void* c, direct_bytes, direct_bytes) { return counted(c); };
    h.note = [](void* c, direct_bytes) { return counted(c); };
    h.child = [](void* c, const direct_child*) { return counted(c); };
    h.max_items = 1000000;
    h.max_json = 1 << 20;
    h.max_document = 4 << 20;
    return h;
}

int keep(void* into, direct_bytes said)
{
    static_cast<std::string*>(into)->append(said.data ? said.data : "", said.len).push_back('\n');
    return 0;
}

int keep_object(void* into, direct_bytes json)
{
    if (!is_json_object(text(json))) throw std::runtime_error("not a JSON object: " + text(json));
    return keep(into, json);
}

direct_host texts(std::string& into)
{
    direct_host h{};
    h.size = sizeof h;
    h.context = &into;
    h.document = keep_object;
    h.item = [](void* c, const direct_item* item) { return keep_object(c, item->json); };
    h.skip = [](void* c, direct_bytes, direct_bytes why) { return keep(c, why); };
    h.note = [](void*, direct_bytes) { return 0; };
    h.child = [](void* c, const direct_child* child) {
        return keep(c, child->content) + keep(c, child->json);
    };
    h.max_items = 1000000;
    h.max_json = 1 << 20;
    h.max_document = 4 << 20;
    return h;
}

}  // namespace

std::vector<nlohmann::json> Told::of(const std::string& section, const std::string& kind) const
{
    std::vector<nlohmann::json> out;
    for (auto& i : items)
        if (i.at("section") == section && (kind.empty() || i.at("kind") == kind)) out.push_back(i);
    return out;
}

PluginUnderTest::PluginUnderTest(const std::string& name)
{
    const std::string path = build_dir() + "/lib/direct/plugins/" + name + ".so";
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw std::runtime_error(::dlerror());
    parser_ = reinterpret_cast<const direct_parser* (*)()>(::dlsym(library, "direct_parser_v1"))();
}

Told PluginUnderTest::read(const std::string& bytes, const std::string& charset,
                           const std::string& media_type, const std::string& filename) const
{
    Told out;
    const auto host = recording(out);
    auto document = document_of(bytes, charset);
    document.media_type = bytes_of(media_type);
    document.filename = bytes_of(filename);
    out.status = parser_->parse(&host, &document);
    return out;
}

int PluginUnderTest::recognise(const std::string& bytes, const std::string& charset) const
{
    const auto document = document_of(bytes, charset);
    return parser_->recognise(&document);
}

std::size_t PluginUnderTest::count(const std::string& bytes) const
{
    Calls calls{0, 0};
    const auto host = counting(calls);
    const auto document = document_of(bytes, "");
    parser_->parse(&host, &document);
    return calls.items;
}

std::string PluginUnderTest::text(const std::string& bytes) const
{
    std::string out;
    const auto host = texts(out);
    const auto document = document_of(bytes, "");
    parser_->parse(&host, &document);
    return out;
}

direct_parse_status PluginUnderTest::read_until(const std::string& bytes, int n) const
{
    Calls calls{n, 0};
    const auto host = counting(calls);
    const auto document = document_of(bytes, "");
    return parser_->parse(&host, &document);
}

std::string at(const nlohmann::json& j, const std::string& pointer)
{
    const nlohmann::json::json_pointer p(pointer);
    if (!j.contains(p)) return "";
    return j.at(p).is_string() ? j.at(p).get<std::string>() : j.at(p).dump();
}

const PluginUnderTest& ccda()
{
    static const PluginUnderTest plugin("ccda");
    return plugin;
}

std::string vector_document(const std::string& name)
{
    return read_file(source_dir() + "/tests/vectors/ccda/" + name);
}

}  // namespace direct::test
