// body.cpp - see body.h.
#include "plugins/ccda/body.h"

#include <algorithm>
#include <cstring>

#include "plugins/ccda/base64.h"
#include "plugins/ccda/narrative_html.h"
#include "plugins/ccda/values.h"
#include "plugins/plugin_bytes.h"

namespace direct::ccda {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What a section says of itself beside its title, words, entries and parts.
bool is_of_section(std::string_view name)
{
    return is_one_of(name, {"templateId", "id", "code", "confidentialityCode", "languageCode", "subject",
                            "author", "informant"});
}

bool is_told(std::string_view name)
{
    return is_of_section(name) || is_one_of(name, {"title", "text", "entry", "component"});
}

// All text of an element, as it stands: a file's content, not words to be read.
std::string raw_text(pugi::xml_node node)
{
    std::string out;
    for (pugi::xml_node n : node.children())
        if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) out += n.value();
    return out;
}

bool has_markup(pugi::xml_node text)
{
    for (pugi::xml_node n : text.children())
        if (n.type() == pugi::node_element && std::strcmp(n.name(), "reference") != 0) return true;
    return false;
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
        else
            cda_.skip("other", "component without a section");
    }
}

void Body::section(pugi::xml_node node, const std::string& path)
{
    Section s{node, recognise_section(node), path, template_ids(node)};
    if (s.row) ++known_;
    const std::size_t before = cda_.items();
    if (s.row)
        s.row->extract(cda_, s);
    else
        for_each_entry(cda_, s, [&](const Statement& statement) { extract_entry(cda_, s, statement); });
    describe(s, cda_.items() - before);
    sections(node, path);
}

// One entry of the contents. It is made in cda_.json, which belongs to no item now.
void Body::describe(const Section& s, std::size_t items)
{
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("name", s.name());
    w.field("title", cda_.narrative.line(s.node.child("title")));
    Taken taken;
    for (pugi::xml_node n : s.node.children())
        if (!is_of_section(n.name())) taken.add(n);
    members(cda_, s.node, taken);
    rest_field(cda_, s.node, is_told);
    w.number_field("entries", count_children(s.node, "entry"));
    w.number_field("items", items);
    w.number_field("offset", cda_.xml.offset(s.node));
    w.field("path", s.path);
    narrative(s.name(), s.node.child("text"));
    w.close('}');
    keep(s.name());
}

void Body::narrative(const char* section, pugi::xml_node text)
{
    if (!text.first_child()) return;
    const NarrativeTree tree(cda_.xml, text);
    if (tree.dropped()) cda_.note("a script, style or frame in a narrative was left out");
    const auto before = cda_.json.mark();
    const std::size_t used = contents_.size() + cda_.json.size(), all = contents_max();
    // Nearly always it fits. What does not is cut so that it must, though JSON doubles each quote.
    for (const std::size_t part : {1, 5}) {
        const std::size_t room = (all > used ? all - used : 0) / part;
        if (room < 2 * cut_extra) break;
        bool cut = false;
        cda_.json.field("narrative", cda_.narrative.block(text, room, cut));
        const auto html = narrative_html(tree, room - cut_extra);
        cda_.json.field("narrativeHtml", html.html);
        cut = cut || html.cut;
        if (cut) cda_.json.flag_field("narrativeCut", true);
        if (contents_.size() + cda_.json.size() <= all) {
            if (cut) cda_.skip(section, "a narrative larger than the host takes was cut");
            return;
        }
        cda_.json.rewind(before);
    }
    cda_.json.flag_field("narrativeLeftOut", true);
    cda_.skip(section, "more narrative than the host takes");
}

void Body::keep(const char* section)
{
    if (contents_.size() + cda_.json.size() <= contents_max())
        contents_.raw(cda_.json.str());
    else
        cda_.skip(section, "more sections than the host takes");
}

std::size_t Body::contents_max() const
{
    const std::size_t all = cda_.document_max();
    return all - all / 8;
}

void Body::unstructured(pugi::xml_node body)
{
    const pugi::xml_node text = body.child("text");
    const std::string_view media = text.attribute("mediaType").value();
    const bool encoded = std::strcmp(text.attribute("representation").value(), "B64") == 0;
    const std::string content = encoded ? decode_base64(raw_text(text)) : raw_text(text);
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("section", "nonXMLBody");
    w.field("kind", "body");
    w.field("mediaType", media);
    w.field("representation", text.attribute("representation").value());
    w.field("compression", text.attribute("compression").value());
    w.field("integrityCheck", text.attribute("integrityCheck").value());
    w.field("integrityCheckAlgorithm", text.attribute("integrityCheckAlgorithm").value());
    w.field("language", body.child("languageCode").attribute("code").value());
    w.field("confidentiality", body.child("confidentialityCode").attribute("code").value());
    w.field("reference", text.child("reference").attribute("value").value());
    if (!content.empty()) w.number_field("size", content.size());
    w.number_field("offset", cda_.xml.offset(body));
    w.field("path", "/ClinicalDocument/component/nonXMLBody");
    w.close('}');
    cda_.tell_item("nonXMLBody", "body");
    describe_unstructured(body, encoded);
    if (encoded && content.empty()) cda_.skip("nonXMLBody", "the embedded body is not base64");
    // Words with markup are narrative; anything else is a file of its own, encoded or not.
    const bool blank = content.find_first_not_of(" \t\r\n") == std::string::npos;
    if (blank || (!encoded && has_markup(text))) return;
    cda_.tell_child({sizeof(direct_child), {}, bytes_of(media), bytes_of(content), {}});
}

void Body::describe_unstructured(pugi::xml_node body, bool encoded)
{
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("name", "nonXMLBody");
    w.number_field("entries", 0);
    w.number_field("items", 1);
    w.number_field("offset", cda_.xml.offset(body));
    w.field("path", "/ClinicalDocument/component/nonXMLBody");
    if (!encoded) narrative("nonXMLBody", body.child("text"));
    w.close('}');
    keep("nonXMLBody");
}

}  // namespace direct::ccda
