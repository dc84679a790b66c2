// embedded.cpp - see embedded.h.
#include "plugins/ccda/embedded.h"

#include <strings.h>

#include <cstring>

#include "plugins/ccda/base64.h"
#include "plugins/plugin_bytes.h"

namespace direct::ccda {
namespace {

std::string container_of(const char* name, std::size_t offset, std::size_t size)
{
    JsonWriter w;
    w.open('{');
    w.field("element", name);
    w.number_field("offset", offset);
    w.number_field("size", size);
    w.close('}');
    return w.take();
}

}  // namespace

std::string raw_text(pugi::xml_node node)
{
    std::string out;
    for (pugi::xml_node n : node.children())
        if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) out += n.value();
    return out;
}

bool is_base64(pugi::xml_node ed)
{
    return ::strcasecmp(ed.attribute("representation").value(), "B64") == 0;
}

bool file_members(Cda& cda, const char* name, pugi::xml_node ed)
{
    auto& w = cda.json;
    const std::string base = name;
    w.field(base + "Representation", ed.attribute("representation").value());
    if (std::strcmp(ed.name(), "text") != 0) return false;
    const std::string encoded = raw_text(ed), content = decode_base64(encoded);
    if (content.empty()) return false;
    w.field(base + "Compression", ed.attribute("compression").value());
    w.number_field(base + "EncodedSize", encoded.size());
    const std::size_t offset = cda.xml.offset(ed);
    const std::string container = container_of(ed.name(), offset, content.size());
    const char* media = ed.attribute("mediaType").value();
    if (cda.tell_file(offset,
                      {sizeof(direct_child), {}, bytes_of(media), bytes_of(content), bytes_of(container)}))
        w.number_field(base + "FileOffset", offset);
    return true;
}

}  // namespace direct::ccda
