// values.cpp - see values.h.
#include "plugins/ccr/values.h"

#include <algorithm>
#include <cstring>

#include "plugins/time_stamp.h"

namespace direct::ccr {
namespace {

struct System {
    std::string_view name, oid;  // letters and digits of the name, lower case
};
constexpr System systems[] = {
    {"snomedct", "2.16.840.1.113883.6.96"}, {"snomed", "2.16.840.1.113883.6.96"},
    {"loinc", "2.16.840.1.113883.6.1"},     {"rxnorm", "2.16.840.1.113883.6.88"},
    {"ndc", "2.16.840.1.113883.6.69"},      {"cpt", "2.16.840.1.113883.6.12"},
    {"cpt4", "2.16.840.1.113883.6.12"},     {"icd9cm", "2.16.840.1.113883.6.103"},
    {"icd9", "2.16.840.1.113883.6.103"},    {"icd10cm", "2.16.840.1.113883.6.90"},
    {"icd10pcs", "2.16.840.1.113883.6.4"},  {"icd10", "2.16.840.1.113883.6.3"},
    {"cvx", "2.16.840.1.113883.12.292"},    {"unii", "2.16.840.1.113883.4.9"},
};

// By hand: this reads every text of the document, and the library's search costs a call for each letter.
void append_words(std::string& out, const char* text)
{
    const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    for (;;) {
        while (is_blank(*text)) ++text;
        if (!*text) return;
        const char* end = text;
        while (*end && !is_blank(*end)) ++end;
        if (!out.empty()) out += ' ';
        out.append(text, end);
        text = end;
    }
}

// One Code: Value, CodingSystem, Version.
void one_code(JsonWriter& w, pugi::xml_node code)
{
    const std::string system = words(code, "CodingSystem");
    w.field("code", words(code, "Value"));
    w.field("codeSystem", oid_of(system));
    w.field("codeSystemName", system);
    w.field("codeSystemVersion", words(code, "Version"));
}

void attribute_object(Ccr& ccr, pugi::xml_node n)
{
    auto& w = ccr.json;
    w.field("attribute", words(n, "Attribute"));
    objects(ccr, "values", n, "AttributeValue", [&](pugi::xml_node v) { quantity_members(ccr, v); });
    code_field(ccr, "code", n.child("Code"));
    more_field(ccr, n, {"Attribute", "AttributeValue", "Code"});
}

// ExactDateTime, ApproximateDateTime and Age of a DateTime, a BeginRange or an EndRange.
void point_members(Ccr& ccr, pugi::xml_node node)
{
    if (const std::string raw = words(node, "ExactDateTime"); !raw.empty())
        time_stamp_members(ccr.json, raw, read_iso_time(raw));
    code_field(ccr, "approximate", node.child("ApproximateDateTime"));
    quantity_field(ccr, "age", node.child("Age"));
}

void point_field(Ccr& ccr, const char* name, pugi::xml_node node)
{
    if (!node || ccr.too_deep()) return;
    ccr.json.open_field(name, '{');
    point_members(ccr, node);
    more_field(ccr, node, {"Type", "ExactDateTime", "ApproximateDateTime", "Age"});
    ccr.json.close('}');
}

std::string lower(std::string s)
{
    for (char& c : s)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return s;
}

enum class Role { low, high, neither };

// What a DateTime's Type makes of it: the begin, the end, or a time of its own.
Role role_of(pugi::xml_node time)
{
    const std::string type = lower(words(time.child("Type"), "Text"));
    for (const char* word : {"onset", "start", "begin"})
        if (type.find(word) != std::string::npos) return Role::low;
    for (const char* word : {"end", "stop", "resol", "discontinu"})
        if (type.starts_with(word)) return Role::high;
    return Role::neither;
}

void time_members(Ccr& ccr, pugi::xml_node time)
{
    auto& w = ccr.json;
    const pugi::xml_node range = time.child("DateTimeRange");
    w.field("kind", range ? "IVL" : "TS");
    code_field(ccr, "type", time.child("Type"));
    point_members(ccr, time);
    if (range) {
        point_field(ccr, "low", range.child("BeginRange"));
        point_field(ccr, "high", range.child("EndRange"));
        if (range.next_sibling("DateTimeRange"))
            objects(ccr, "ranges", time, "DateTimeRange", [&](pugi::xml_node r) {
                point_field(ccr, "low", r.child("BeginRange"));
                point_field(ccr, "high", r.child("EndRange"));
            });
    }
    more_field(ccr, time, {"Type", "ExactDateTime", "ApproximateDateTime", "Age", "DateTimeRange"});
}

}  // namespace

std::string words(pugi::xml_node node)
{
    std::string out;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling())
        if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) append_words(out, n.value());
    return out;
}

std::string words(pugi::xml_node node, const char* child)
{
    return words(node.child(child));
}

bool is_named(pugi::xml_node node, std::string_view name)
{
    return node.type() == pugi::node_element && name == node.name();
}

std::string words_of(pugi::xml_node object)
{
    std::string text = words(object.child("Description"), "Text");
    return text.empty() ? words(object.child("Product").child("ProductName"), "Text") : text;
}

std::string_view oid_of(std::string_view coding_system)
{
    std::string key;
    for (char c : coding_system) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) key += c;
    }
    for (const auto& s : systems)
        if (s.name == key) return s.oid;
    return {};
}

void code_members(Ccr& ccr, pugi::xml_node coded)
{
    auto& w = ccr.json;
    const pugi::xml_node first = coded.child("Code");
    one_code(w, first);
    const std::string text = words(coded, "Text");
    // Some writers leave out the Text element.
    w.field("originalText", text.empty() ? words(coded) : text);
    if (pugi::xml_node other = first.next_sibling("Code")) {
        w.open_field("translations", '[');
        for (; other; other = other.next_sibling("Code")) {
            w.open('{');
            one_code(w, other);
            w.close('}');
        }
        w.close(']');
    }
    objects(ccr, "attributes", coded, "ObjectAttribute", [&](pugi::xml_node n) { attribute_object(ccr, n); });
    more_field(ccr, coded, {"Text", "Code", "ObjectAttribute"});
}

void code_field(Ccr& ccr, const char* name, pugi::xml_node coded)
{
    if (!coded || ccr.too_deep()) return;
    const auto before = ccr.json.mark();
    ccr.json.open_field(name, '{');
    const std::size_t empty = ccr.json.size();
    code_members(ccr, coded);
    if (ccr.json.size() == empty)
        ccr.json.rewind(before);
    else
        ccr.json.close('}');
}

void value_field(Ccr& ccr, const char* name, pugi::xml_node coded)
{
    if (!coded || ccr.too_deep()) return;
    const auto before = ccr.json.mark();
    ccr.json.open_field(name, '{');
    ccr.json.field("type", "CD");
    const std::size_t empty = ccr.json.size();
    code_members(ccr, coded);
    if (ccr.json.size() == empty)
        ccr.json.rewind(before);
    else
        ccr.json.close('}');
}

void unit_members(Ccr& ccr, pugi::xml_node units)
{
    auto& w = ccr.json;
    w.field("unit", words(units, "Unit"));
    objects(ccr, "unitCodes", units, "Code", [&](pugi::xml_node c) { one_code(w, c); });
}

void quantity_members(Ccr& ccr, pugi::xml_node measure)
{
    auto& w = ccr.json;
    w.field("value", words(measure, "Value"));
    unit_members(ccr, measure.child("Units"));
    objects(ccr, "codes", measure, "Code", [&](pugi::xml_node c) { one_code(w, c); });
    w.field("text", words(measure));
    more_field(ccr, measure, {"Value", "Units", "Code"});
}

void quantity_field(Ccr& ccr, const char* name, pugi::xml_node measure)
{
    if (!measure || ccr.too_deep()) return;
    const auto before = ccr.json.mark();
    ccr.json.open_field(name, '{');
    const std::size_t empty = ccr.json.size();
    quantity_members(ccr, measure);
    if (ccr.json.size() == empty)
        ccr.json.rewind(before);
    else
        ccr.json.close('}');
}

void time_field(Ccr& ccr, const char* name, pugi::xml_node time)
{
    if (!time || ccr.too_deep()) return;
    ccr.json.open_field(name, '{');
    time_members(ccr, time);
    ccr.json.close('}');
}

void times_fields(Ccr& ccr, pugi::xml_node parent)
{
    auto& w = ccr.json;
    const pugi::xml_node first = parent.child("DateTime");
    if (!first || ccr.too_deep()) return;
    pugi::xml_node low, high;
    for (pugi::xml_node t = first; t; t = t.next_sibling("DateTime")) {
        if (t.child("DateTimeRange")) continue;
        const Role role = role_of(t);
        if (role == Role::low && !low) low = t;
        if (role == Role::high && !high) high = t;
    }
    if (low || high) {
        w.open_field("effectiveTime", '{');
        w.field("kind", "IVL");
        point_field(ccr, "low", low);
        point_field(ccr, "high", high);
        w.close('}');
    } else {
        time_field(ccr, "effectiveTime", first);
    }
    if (!low && !high && !first.next_sibling("DateTime")) return;
    objects(ccr, "times", parent, "DateTime", [&](pugi::xml_node t) { time_members(ccr, t); });
}

void ids_field(Ccr& ccr, pugi::xml_node parent)
{
    auto& w = ccr.json;
    const std::string own = words(parent, "CCRDataObjectID");
    if ((own.empty() && !parent.child("IDs")) || ccr.too_deep()) return;
    w.open_field("ids", '[');
    if (!own.empty()) {
        w.open('{');
        w.field("root", ccr.document_id);
        w.field("extension", own);
        w.close('}');
    }
    for (pugi::xml_node n = parent.child("IDs"); n; n = n.next_sibling("IDs")) {
        w.open('{');
        w.field("extension", words(n, "ID"));
        code_field(ccr, "type", n.child("Type"));
        time_field(ccr, "time", n.child("DateTime"));
        if (pugi::xml_node by = n.child("IssuedBy")) {
            w.open_field("issuedBy", '{');
            actor_members(ccr, by, false);
            w.close('}');
        }
        sources_field(ccr, n);
        more_field(ccr, n, {"ID", "Type", "DateTime", "IssuedBy", "Source"});
        w.close('}');
    }
    w.close(']');
}

void element_object(Ccr& ccr, pugi::xml_node node)
{
    auto& w = ccr.json;
    w.open('{');
    w.field("element", node.name());
    w.field("text", words(node));
    bool open = false;
    for (pugi::xml_attribute a = node.first_attribute(); a; a = a.next_attribute()) {
        if (std::strncmp(a.name(), "xmlns", 5) == 0) continue;
        if (!open) w.open_field("xmlAttributes", '[');
        open = true;
        w.open('{');
        w.field("name", a.name());
        w.field("value", a.value());
        w.close('}');
    }
    if (open) w.close(']');
    more_field(ccr, node, {});
    w.close('}');
}

void more_field(Ccr& ccr, pugi::xml_node node, std::initializer_list<std::string_view> known)
{
    bool open = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        if (n.type() != pugi::node_element) continue;
        if (std::find(known.begin(), known.end(), n.name()) != known.end()) continue;
        if (!open && ccr.too_deep()) return;
        if (!open) ccr.json.open_field("more", '[');
        open = true;
        element_object(ccr, n);
    }
    if (open) ccr.json.close(']');
}

}  // namespace direct::ccr
