// body.cpp - see body.h.
#include "plugins/ccda/body.h"

#include <array>
#include <cstring>

#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr std::size_t contents_max = 256u << 10;  // the document object must stay under the host's limit

// Base64 with white space; empty when it is anything else.
std::string decode_base64(std::string_view text)
{
    static const auto table = [] {
        std::array<signed char, 256> t{};
        t.fill(-1);
        const std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (std::size_t i = 0; i < letters.size(); ++i)
            t[static_cast<unsigned char>(letters[i])] = static_cast<signed char>(i);
        return t;
    }();
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    int have = 0;
    std::size_t pad = 0;
    for (char ch : text) {
        const auto c = static_cast<unsigned char>(ch);
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=') {
            ++pad;
            continue;
        }
        if (table[c] < 0 || pad) return "";
        bits = (bits << 6 | static_cast<std::uint32_t>(table[c])) & 0xFFFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(bits >> have & 0xFF);
        }
    }
    return pad > 2 || have == 6 ? "" : out;
}

direct_bytes bytes_of(std::string_view s)
{
    return {s.data(), s.size()};
}

std::size_t count_children(pugi::xml_node n, const char* name)
{
    std::size_t out = 0;
    for ([[maybe_unused]] pugi::xml_node child : n.children(name)) ++out;
    return out;
}

}  // namespace

void Body::walk(pugi::xml_node document)
{
    const pugi::xml_node component = document.child("component");
    if (pugi::xml_node body = component.child("structuredBody"))
        sections(body, "/ClinicalDocument/component/structuredBody");
    else if (pugi::xml_node other = component.child("nonXMLBody"))
        unstructured(other);
}

// Sections in sections: as deep as the view allows.
void Body::sections(pugi::xml_node parent, const std::string& path)
{
    std::size_t number = 0;
    for (pugi::xml_node component : parent.children("component")) {
        if (cda_.stopped()) return;
        ++number;
        if (pugi::xml_node node = component.child("section"))
            section(node, path + "/component[" + std::to_string(number) + "]/section");
    }
}

void Body::section(pugi::xml_node node, const std::string& path)
{
    Section s{node, recognise_section(node), path, template_ids(node)};
    if (s.row) ++known_;
    const std::size_t before = cda_.items();
    if (s.row && s.row->extract) s.row->extract(cda_, s);
    const std::size_t found = cda_.items() - before;
    // A section without items still says something, if only "none known".
    if (found == 0) extract_other(cda_, s);
    if (contents_.size() < contents_max) {
        contents_.open('{');
        contents_.field("name", s.name());
        contents_.field("title", cda_.narrative.line(node.child("title")).substr(0, 200));
        contents_.number_field("entries", count_children(node, "entry"));
        contents_.number_field("items", found);
        contents_.close('}');
    }
    sections(node, path);
}

void Body::unstructured(pugi::xml_node body)
{
    const pugi::xml_node text = body.child("text");
    const std::string_view media = text.attribute("mediaType").value();
    const bool encoded = std::strcmp(text.attribute("representation").value(), "B64") == 0;
    const std::string content = encoded ? decode_base64(text.text().get()) : "";
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("section", "other");
    w.field("kind", "body");
    w.field("name", "nonXMLBody");
    w.field("mediaType", media);
    w.field("representation", text.attribute("representation").value());
    w.field("compression", text.attribute("compression").value());
    w.field("reference", text.child("reference").attribute("value").value());
    if (encoded)
        w.number_field("size", content.size());
    else
        w.field("narrative", cda_.narrative.block(text));
    w.number_field("offset", cda_.xml.offset(body));
    w.field("path", "/ClinicalDocument/component/nonXMLBody");
    w.close('}');
    cda_.tell_item("other", "body");
    if (!encoded) return;
    if (content.empty()) {
        cda_.skip("other", "the embedded body is not base64");
        return;
    }
    cda_.tell_child({sizeof(direct_child), {}, bytes_of(media), bytes_of(content), {}});
}

}  // namespace direct::ccda
