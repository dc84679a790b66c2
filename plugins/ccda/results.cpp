// results.cpp - laboratory and other results: a panel (organizer) and its parts in "sub", each with its
// kind. A bare observation is a panel of one, so that readers find every value in the same place.
#include <cstring>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

void codes_field(Cda& cda, const char* name, pugi::xml_node parent, const char* child)
{
    bool open = false;
    for (pugi::xml_node n : parent.children(child)) {
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.open('{');
        for (const char* a : {"code", "codeSystem", "displayName", "nullFlavor"})
            cda.json.field(a, n.attribute(a).value());
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void ranges_field(Cda& cda, pugi::xml_node observation)
{
    bool open = false;
    for (pugi::xml_node r : observation.children("referenceRange")) {
        const pugi::xml_node range = r.child("observationRange");
        if (!range) continue;
        if (!open) cda.json.open_field("referenceRange", '[');
        open = true;
        cda.json.open('{');
        code_field(cda, "code", range.child("code"));
        text_field(cda, "text", range.child("text"));
        value_field(cda, "value", range.child("value"));
        codes_field(cda, "interpretation", range, "interpretationCode");
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void specimen_field(Cda& cda, pugi::xml_node statement)
{
    const pugi::xml_node role = statement.child("specimen").child("specimenRole");
    if (!role) return;
    cda.json.open_field("specimen", '{');
    ids_field(cda, "ids", role, "id");
    code_field(cda, "code", role.child("specimenPlayingEntity").child("code"));
    cda.json.close('}');
}

void value_fields(Cda& cda, pugi::xml_node n)
{
    value_field(cda, "value", n.child("value"));
    codes_field(cda, "interpretation", n, "interpretationCode");
    ranges_field(cda, n);
    code_field(cda, "method", n.child("methodCode"));
    code_field(cda, "targetSite", n.child("targetSiteCode"));
}

bool has_value(pugi::xml_node observation)
{
    for (pugi::xml_node v : observation.children("value"))
        if (*v.attribute("value").value() || !is_null_code(v) || v.first_child()) return true;
    return false;
}

void observation(Cda& cda, const Statement& s)
{
    auto& w = cda.json;
    w.open('{');
    w.field("kind", "result");
    w.field("moodCode", s.node.attribute("moodCode").value());
    ids_field(cda, "ids", s.node, "id");
    code_field(cda, "code", s.node.child("code"));
    if (std::strcmp(s.node.attribute("negationInd").value(), "true") == 0) w.flag_field("negationInd", true);
    w.field("nullFlavor", s.node.attribute("nullFlavor").value());
    w.field("status", s.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", s.node.child("effectiveTime"));
    value_fields(cda, s.node);
    text_field(cda, "text", s.node.child("text"));
    roles_field(cda, "author", s.node, "author");
    roles_field(cda, "performer", s.node, "performer");
    w.field("path", s.path);
    if (is_null_code(s.node.child("code")) || !has_value(s.node)) w.flag_field("null", true);
    w.close('}');
}

// What else stands in a panel: specimen collection, comments.
void companion(Cda& cda, const Statement& s)
{
    auto& w = cda.json;
    w.open('{');
    w.field("kind", s.node.name());
    ids_field(cda, "ids", s.node, "id");
    code_field(cda, "code", s.node.child("code"));
    w.field("status", s.node.child("statusCode").attribute("code").value());
    time_field(cda, "effectiveTime", s.node.child("effectiveTime"));
    code_field(cda, "targetSite", s.node.child("targetSiteCode"));
    text_field(cda, "text", s.node.child("text"));
    w.field("path", s.path);
    w.close('}');
}

// Parts of an organizer and of organizers inside it. Depth is bounded by the view.
void parts(Cda& cda, const Statement& organizer)
{
    for_each_related(organizer, "component", [&](pugi::xml_node, const Statement& s) {
        if (std::strcmp(s.node.name(), "observation") == 0)
            observation(cda, s);
        else if (std::strcmp(s.node.name(), "organizer") == 0)
            parts(cda, s);
        else
            companion(cda, s);
    });
}

void panel(Cda& cda, const Section& section, const Statement& s)
{
    Item item(cda, section, "results", "panel", s);
    const bool organizer = std::strcmp(s.node.name(), "organizer") == 0;
    specimen_field(cda, s.node);
    cda.json.open_field("sub", '[');
    if (organizer)
        parts(cda, s);
    else
        observation(cda, s);
    cda.json.close(']');
    item.emit();
}

}  // namespace

void extract_results(Cda& cda, const Section& section)
{
    for_each_entry(cda, section, [&](const Statement& s) {
        if (std::strcmp(s.node.name(), "organizer") == 0 || std::strcmp(s.node.name(), "observation") == 0)
            panel(cda, section, s);
        else
            extract_entry(cda, section, s);
    });
}

}  // namespace direct::ccda
