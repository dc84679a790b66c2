// values.cpp - see values.h.
#include "plugins/ccda/values.h"

#include <algorithm>
#include <cstring>

#include "plugins/xml_text.h"

namespace direct::ccda {
namespace {

const char* attribute(pugi::xml_node n, const char* name)
{
    return n.attribute(name).value();
}

bool is_any(std::string_view type, std::initializer_list<std::string_view> types)
{
    return std::find(types.begin(), types.end(), type) != types.end();
}

// What a code is made of, into the object in work. Translations hold no further translations.
void code_members(Cda& cda, pugi::xml_node node, bool deep)
{
    auto& w = cda.json;
    w.field("code", attribute(node, "code"));
    w.field("codeSystem", attribute(node, "codeSystem"));
    w.field("codeSystemName", attribute(node, "codeSystemName"));
    w.field("displayName", attribute(node, "displayName"));
    w.field("nullFlavor", attribute(node, "nullFlavor"));
    if (!deep) return;
    text_field(cda, "originalText", node.child("originalText"));
    bool open = false;
    for (pugi::xml_node t : node.children("translation")) {
        if (!open) w.open_field("translations", '[');
        open = true;
        w.open('{');
        code_members(cda, t, false);
        w.close('}');
    }
    if (open) w.close(']');
    open = false;
    for (pugi::xml_node q : node.children("qualifier")) {
        if (!open) w.open_field("qualifiers", '[');
        open = true;
        w.open('{');
        code_field(cda, "name", q.child("name"));
        code_field(cda, "value", q.child("value"));
        w.close('}');
    }
    if (open) w.close(']');
}

void point_members(JsonWriter& w, pugi::xml_node node)
{
    const std::string_view raw = attribute(node, "value");
    if (!raw.empty()) {
        const TimeStamp t = read_time(raw);
        w.field("raw", raw);
        w.field("value", t.iso);
        if (t.precision) w.field("precision", std::string_view(&t.precision, 1));
        w.field("zone", t.zone);
        if (t.bad) w.flag_field("bad", true);
    }
    w.field("nullFlavor", attribute(node, "nullFlavor"));
}

void point_field(JsonWriter& w, const char* name, pugi::xml_node node)
{
    if (!node) return;
    w.open_field(name, '{');
    point_members(w, node);
    w.close('}');
}

void quantity_members(Cda& cda, pugi::xml_node node)
{
    auto& w = cda.json;
    w.field("value", attribute(node, "value"));
    w.field("unit", attribute(node, "unit"));
    w.field("inclusive", attribute(node, "inclusive"));
    w.field("nullFlavor", attribute(node, "nullFlavor"));
    for (const char* part : {"low", "high", "center", "width", "numerator", "denominator"})
        quantity_field(cda, part, node.child(part));
    bool open = false;
    for (pugi::xml_node t : node.children("translation")) {
        if (!open) w.open_field("translations", '[');
        open = true;
        w.open('{');
        w.field("value", attribute(t, "value"));
        code_members(cda, t, false);
        w.close('}');
    }
    if (open) w.close(']');
}

const char* time_kind(pugi::xml_node node, std::string_view type)
{
    if (type.starts_with("PIVL")) return "PIVL";
    if (type.starts_with("EIVL")) return "EIVL";
    if (type.starts_with("IVL")) return "IVL";
    if (type == "TS") return "TS";
    if (node.child("period")) return "PIVL";
    if (node.child("event")) return "EIVL";
    for (const char* part : {"low", "high", "center", "width"})
        if (node.child(part)) return "IVL";
    return "TS";
}

}  // namespace

std::string_view type_of(pugi::xml_node node)
{
    return local_name(node.attribute("xsi:type").value());
}

bool is_null_code(pugi::xml_node node)
{
    if (*attribute(node, "code") || *attribute(node, "displayName")) return false;
    for (pugi::xml_node c : node.children())
        if (std::strcmp(c.name(), "translation") == 0 || std::strcmp(c.name(), "originalText") == 0)
            return false;
    return true;
}

void code_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.open_field(name, '{');
    code_members(cda, node, true);
    cda.json.close('}');
}

void time_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    auto& w = cda.json;
    const char* kind = time_kind(node, type_of(node));
    w.open_field(name, '{');
    w.field("kind", kind);
    point_members(w, node);
    for (const char* part : {"low", "high", "center"}) point_field(w, part, node.child(part));
    quantity_field(cda, "width", node.child("width"));
    if (*kind == 'P') {
        quantity_field(cda, "period", node.child("period"));
        w.field("institutionSpecified", attribute(node, "institutionSpecified"));
        time_field(cda, "phase", node.child("phase"));
    } else if (*kind == 'E') {
        w.field("event", attribute(node.child("event"), "code"));
        quantity_field(cda, "offset", node.child("offset"));
    }
    w.close('}');
}

void quantity_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.open_field(name, '{');
    quantity_members(cda, node);
    cda.json.close('}');
}

void value_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    auto& w = cda.json;
    const std::string_view type = type_of(node);
    w.open_field(name, '{');
    w.field("type", type);
    if (is_any(type, {"CD", "CE", "CO", "CV", "CS"}) || (type.empty() && *attribute(node, "code"))) {
        code_members(cda, node, true);
    } else if (is_any(type, {"TS", "IVL_TS", "PIVL_TS", "EIVL_TS"})) {
        time_field(cda, "time", node);
    } else if (is_any(type, {"PQ", "IVL_PQ", "RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "MO", "INT", "REAL",
                             "IVL_INT", "BL"})) {
        quantity_members(cda, node);
    } else {
        // ST, ED, TEL and everything else: what it says, in words and attributes.
        w.field("value", attribute(node, "value"));
        w.field("unit", attribute(node, "unit"));
        w.field("code", attribute(node, "code"));
        w.field("mediaType", attribute(node, "mediaType"));
        w.field("representation", attribute(node, "representation"));
        w.field("nullFlavor", attribute(node, "nullFlavor"));
        if (std::strcmp(attribute(node, "representation"), "B64") != 0) {
            std::string lost;
            w.field("text", cda.narrative.text_of(node, lost));
            w.field("reference", lost);
        }
    }
    w.close('}');
}

void text_field(Cda& cda, const char* name, pugi::xml_node ed)
{
    if (!ed) return;
    std::string lost;
    const std::string text = cda.narrative.text_of(ed, lost);
    cda.json.field(name, text);
    if (!lost.empty()) cda.json.field(std::string(name) + "Reference", lost);
}

void ids_field(Cda& cda, const char* name, pugi::xml_node parent, const char* child)
{
    array_field(cda, name, parent, child, [&](pugi::xml_node n) {
        for (const char* a : {"root", "extension", "assigningAuthorityName", "nullFlavor"})
            cda.json.field(a, attribute(n, a));
    });
}

std::string template_ids(pugi::xml_node node)
{
    JsonWriter w;
    for (pugi::xml_node t : node.children("templateId")) {
        w.open('{');
        w.field("root", attribute(t, "root"));
        w.field("extension", attribute(t, "extension"));
        w.close('}');
    }
    return w.size() ? "[" + w.take() + "]" : "";
}

}  // namespace direct::ccda
