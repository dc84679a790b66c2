// The body of every plugin's target: whatever bytes come, the plugin tells only JSON objects, well-formed UTF-8, items whose section and kind
// are words, one document at most, and a second reading tells the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "plugins/host/json_check.h"
#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"
#include "plugins/plugin_bytes.h"

extern "C" const direct_parser* direct_parser_v1(void);

using direct::view;

namespace {

struct Told {
    std::string all;
    int documents = 0;
};

void need(bool good)
{
    if (!good) std::abort();
}

void text(void* context, direct_bytes b)
{
    for (std::size_t i = 0; i < b.len;) {
        const auto n = direct::utf8_length(view(b), i);
        need(n != 0);
        i += n;
    }
    static_cast<Told*>(context)->all += view(b);
}

Told read(const direct_document& document)
{
    Told told;
    direct_host host{};
    host.size = sizeof host;
    host.context = &told;
    host.max_items = 100000;
    host.max_json = 1u << 20;
    host.max_document = 4u << 20;
    host.document = [](void* c, direct_bytes json) {
        need(direct::is_json_object(view(json)));
        need(++static_cast<Told*>(c)->documents == 1);
        text(c, json);
        return 0;
    };
    host.item = [](void* c, const direct_item* item) {
        need(direct::is_json_object(view(item->json)) && item->section.len && item->kind.len);
        need(item->json.len <= 1u << 20);
        text(c, item->json);
        return 0;
    };
    host.skip = [](void* c, direct_bytes, direct_bytes reason) { return text(c, reason), 0; };
    host.note = [](void* c, direct_bytes note) { return text(c, note), 0; };
    host.child = [](void* c, const direct_child* child) {
        need(child->json.len == 0 || direct::is_json_object(view(child->json)));
        auto& all = static_cast<Told*>(c)->all;
        all += view(child->filename);
        all += view(child->json);
        all += view(child->content);
        // What a zip unpacks to is bounded by the host; a target that keeps it all need not find that out.
        return all.size() > 64u << 20 ? 1 : 0;
    };
    const auto status = direct_parser_v1()->parse(&host, &document);
    need((status == DIRECT_PARSED) == (told.documents == 1));
    return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 1u << 20) return 0;
    const direct_document document{sizeof document, {reinterpret_cast<const char*>(data), size}, {}, {}, {}};
    static_cast<void>(direct_parser_v1()->recognise(&document));
    need(read(document).all == read(document).all);
    return 0;
}
