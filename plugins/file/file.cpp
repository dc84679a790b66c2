// file.cpp - the plugin of last resort: every document that no other plugin takes is a file, described by
// its name, its declared type and what its first bytes say. It never looks further and cannot fail.
#include <new>
#include <string>

#include "plugins/declared.h"
#include "plugins/file/content_type.h"
#include "plugins/json_writer.h"
#include "plugins/parser_plugin.h"
#include "plugins/plugin_bytes.h"

namespace {

using direct::JsonWriter;
using direct::view;

int recognise(const direct_document*)
{
    return 1;
}

std::string described(const direct_document& document)
{
    const auto content = direct::file::content_of(view(document.content), view(document.charset));
    JsonWriter w;
    w.open('{');
    w.field("kind", "file");
    w.field("title", view(document.filename).substr(0, 1024));
    w.field("type", content.type.empty() ? "application/octet-stream" : std::string_view(content.type));
    w.field("messageType", content.message_type);
    w.field("messageVersion", content.message_version);
    w.field("resourceType", content.resource);
    w.field("bundleType", content.bundle);
    w.number_field("size", document.content.len);
    direct::encoding_fields(w, content.encoding, "", document);
    direct::declared_fields(w, {"file", content.type}, document);
    w.close('}');
    return w.take();
}

direct_parse_status parse(const direct_host* host, const direct_document* document)
{
    try {
        const std::string json = described(*document);
        return host->document(host->context, {json.data(), json.size()}) ? DIRECT_LIMIT : DIRECT_PARSED;
    } catch (const std::bad_alloc&) {
        return DIRECT_LIMIT;
    }
}

const direct_parser parser = {
    DIRECT_PARSER_ABI_MAJOR, sizeof(direct_parser), "file", "1.0", recognise, parse};

}  // namespace

extern "C" __attribute__((visibility("default"))) const direct_parser* direct_parser_v1(void)
{
    return &parser;
}
