// body.cpp - see body.h.
#include "plugins/ccda/body.h"

#include <cstring>

#include "plugins/ccda/embedded.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/narrative_html.h"
#include "plugins/ccda/values.h"
#include "plugins/plugin_bytes.h"

namespace direct::ccda {
namespace {

// What a section says of itself beside its title, words, entries and parts.
constexpr XmlNames of_section{"templateId",   "id",      "code",   "confidentialityCode",
                              "languageCode", "subject", "author", "informant"};
constexpr XmlNames parts{"title", "text", "entry", "component", "section"};
constexpr XmlNames levels{"structuredBody", "nonXMLBody", "component", "section"};

bool is_told(pugi::xml_node n)
{
    return of_section.has(n) || parts.has(n);
}

// The step of a path for the number-th of what should stand once.
std::string step(const char* name, std::size_t number)
{
    return std::string("/") + name + (number > 1 ? "[" + std::to_string(number) + "]" : "");
}

// Beside the taken, or by an attribute that is not as the schema has it anyway.
bool says_more(pugi::xml_node node, const Taken& taken)
{
    for (pugi::xml_attribute a : node.attributes()) {
        const std::string_view name = a.name(), value = a.value();
        if (name == "negationInd" || (name == "typeCode" && value != "COMP") ||
            (name == "classCode" && value != "DOCBODY") || (name == "moodCode" && value != "EVN"))
            return true;
    }
    return says_beside(node, taken);
}

bool has_markup(pugi::xml_node text)
{
    for (pugi::xml_node n : text.children())
        if (n.type() == pugi::node_element && !n.is("reference") && !n.is("thumbnail")) return true;
    return false;
}

bool has_statement(pugi::xml_node entry)
{
    for (pugi::xml_node n = entry.first_child(); n; n = n.next_sibling())
        if (is_statement(n)) return true;
    return false;
}

std::size_t count_children(pugi::xml_node n, XmlName name)
{
    std::size_t out = 0;
    for ([[maybe_unused]] pugi::xml_node child : n.children(name)) ++out;
    return out;
}

}  // namespace

// There should be one component with one body in it; who says more is heard.
void Body::walk(pugi::xml_node document)
{
    std::size_t number = 0;
    for (pugi::xml_node component : document.children("component")) {
        const std::string path = "/ClinicalDocument" + step("component", ++number);
        std::size_t structured = 0, others = 0;
        for (pugi::xml_node body : component.children()) {
            if (cda_.stopped()) return;
            if (body.is("structuredBody"))
                sections(body, path + step("structuredBody", ++structured));
            else if (body.is("nonXMLBody"))
                unstructured(body, path + step("nonXMLBody", ++others));
        }
        beside(component, path);
    }
}

// Sections in sections: as deep as the view allows. One that stands without its component is a section too.
void Body::sections(pugi::xml_node parent, const std::string& path)
{
    std::size_t components = 0, bare = 0;
    for (pugi::xml_node n : parent.children()) {
        if (cda_.stopped()) return;
        if (n.is("section")) section(n, path + step("section", ++bare));
        if (!n.is("component")) continue;
        const std::string here = path + "/component[" + std::to_string(++components) + "]";
        std::size_t inside = 0;
        for (pugi::xml_node node : n.children("section")) section(node, here + step("section", ++inside));
        if (!inside) cda_.skip("other", "component without a section");
        beside(n, here);
    }
    if (parent.is("structuredBody")) beside(parent, path);
}

// What a level around sections says beside them: confidentiality and language of the body, and what does not
// belong there.
void Body::beside(pugi::xml_node level, const std::string& path)
{
    Taken inside;
    for (pugi::xml_node n : level.children())
        if (levels.has(n)) inside.add(n);
    if (cda_.stopped() || !says_more(level, inside)) return;
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("path", path);
    members(cda_, level, inside);
    w.close('}');
    keep(around_, "document");
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
    words_field(cda_, "title", s.node.child("title"));
    null_field(cda_, "narrative", s.node.child("text"));
    Taken taken;
    for (pugi::xml_node n : s.node.children())
        if (!of_section.has(n)) taken.add(n);
    members(cda_, s.node, taken);
    rest_field(cda_, s.node, is_told);
    w.number_field("entries", count_children(s.node, "entry"));
    w.number_field("items", items);
    w.number_field("offset", cda_.xml.offset(s.node));
    w.field("path", s.path);
    odd_entries(s);
    narrative(s.name(), s.node.child("text"));
    said_again(s);
    w.close('}');
    keep(contents_, s.name());
}

// Entries that hold no statement, but something else.
void Body::odd_entries(const Section& s)
{
    bool open = false;
    for (pugi::xml_node entry : s.node.children("entry")) {
        if (has_statement(entry) || !says_beside(entry, {})) continue;
        if (!open) cda_.json.open_field("oddEntries", '[');
        open = true;
        more_element(cda_, entry);
    }
    if (open) cda_.json.close(']');
}

// Title and text stand once; the second and later ones are told as what they are.
void Body::said_again(const Section& s)
{
    auto& w = cda_.json;
    const pugi::xml_node title = s.node.child("title").next_sibling("title"),
                         text = s.node.child("text").next_sibling("text");
    if (title) {
        w.open_field("titleMore", '[');
        for (pugi::xml_node n = title; n; n = n.next_sibling("title")) w.text(cda_.narrative.line(n));
        w.close(']');
        bool open = false;
        for (pugi::xml_node n = title; n; n = n.next_sibling("title")) {
            if (!says_by_attributes(n)) continue;
            if (!open) w.open_field("titleMoreRest", '[');
            open = true;
            more_element(cda_, n);
        }
        if (open) w.close(']');
    }
    if (text) {
        w.open_field("narrativeMore", '[');
        for (pugi::xml_node n = text; n; n = n.next_sibling("text")) {
            w.open('{');
            narrative(s.name(), n);
            w.close('}');
        }
        w.close(']');
    }
}

void Body::narrative(const char* section, pugi::xml_node text)
{
    if (!text.first_child()) return;
    const NarrativeTree tree(cda_.xml, text);
    if (tree.dropped()) cda_.note("a script, style or frame in a narrative was left out");
    const auto before = cda_.json.mark();
    const std::size_t used = told() + cda_.json.size(), all = contents_max();
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
        if (told() + cda_.json.size() <= all) {
            if (cut) cda_.skip(section, "a narrative larger than the host takes was cut");
            return;
        }
        cda_.json.rewind(before);
    }
    cda_.json.flag_field("narrativeLeftOut", true);
    cda_.skip(section, "more narrative than the host takes");
}

void Body::keep(JsonWriter& list, const char* section)
{
    if (told() + cda_.json.size() <= contents_max())
        list.raw(cda_.json.str());
    else
        cda_.skip(section, "more sections than the host takes");
}

std::size_t Body::contents_max() const
{
    const std::size_t all = cda_.document_max();
    return all - all / 8;
}

void Body::unstructured(pugi::xml_node body, const std::string& path)
{
    const pugi::xml_node first = body.child("text");
    embedded(body, first, body, path);
    std::size_t number = 1;
    for (pugi::xml_node text = first.next_sibling("text"); text; text = text.next_sibling("text")) {
        if (cda_.stopped()) return;
        embedded({}, text, text, path + step("text", ++number));
    }
}

// One text of a body, and with the first of them what the body says beside it.
void Body::embedded(pugi::xml_node body, pugi::xml_node text, pugi::xml_node place, const std::string& path)
{
    const bool encoded = is_base64(text);
    const Embedded file =
        encoded ? read_embedded(cda_, "nonXMLBody", text) : Embedded{.content = raw_text(text)};
    const bool refused = encoded && file.content.empty();
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("section", "nonXMLBody");
    w.field("kind", "body");
    w.field("mediaType", text.attribute("mediaType").value());
    w.field("representation", text.attribute("representation").value());
    embedded_members(cda_, "", text, encoded ? file : Embedded{});
    w.field("language", body.child("languageCode").attribute("code").value());
    w.field("confidentiality", body.child("confidentialityCode").attribute("code").value());
    w.field("reference", text.child("reference").attribute("value").value());
    null_field(cda_, "text", text);
    // What stands in a file beside its bytes; in words everything but these two is words.
    const pugi::xml_node reference = text.child("reference");
    surplus_fields(cda_, text, "", "more", [&](pugi::xml_node n) {
        if (n == reference) return !says_beside(n, {});
        return !encoded && !n.is("reference") && !n.is("thumbnail");
    });
    rest_of_body(body);
    if (!file.content.empty()) w.number_field("size", file.content.size());
    // Words with markup are narrative; anything else is a file of its own, encoded or not.
    const bool blank = file.content.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!blank && (encoded || !has_markup(text)) && tell_embedded(cda_, text, file))
        w.number_field("fileOffset", cda_.xml.offset(text));
    w.number_field("offset", cda_.xml.offset(place));
    w.field("path", path);
    w.close('}');
    cda_.tell_item("nonXMLBody", "body");
    // What says that it is base64 and is not may be words.
    describe_embedded(text, place, path, encoded && !refused);
    if (refused) cda_.skip("nonXMLBody", "the embedded body is not base64");
}

// Beside its texts a body has one language and one confidentiality.
void Body::rest_of_body(pugi::xml_node body)
{
    Taken taken;
    for (pugi::xml_node text : body.children("text")) taken.add(text);
    for (const XmlName name : {XmlName("languageCode"), XmlName("confidentialityCode")})
        if (const pugi::xml_node n = body.child(name); *n.attribute("code").value() && !says_beside(n, {}))
            taken.add(n);
    if (says_more(body, taken)) {
        cda_.json.open_field("rest", '{');
        members(cda_, body, taken);
        cda_.json.close('}');
    }
}

void Body::describe_embedded(pugi::xml_node text, pugi::xml_node place, const std::string& path, bool encoded)
{
    auto& w = cda_.json;
    w.clear();
    w.open('{');
    w.field("name", "nonXMLBody");
    w.number_field("entries", 0);
    w.number_field("items", 1);
    w.number_field("offset", cda_.xml.offset(place));
    w.field("path", path);
    if (!encoded) narrative("nonXMLBody", text);
    w.close('}');
    keep(contents_, "nonXMLBody");
}

}  // namespace direct::ccda
