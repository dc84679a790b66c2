// values.cpp - see values.h.
#include "plugins/ccda/values.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "plugins/ccda/embedded.h"
#include "plugins/ccda/statement.h"
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

// Attributes of data types, the frequent ones first; an sdtc attribute is known by its local name.
constexpr std::string_view data_attributes[] = {
    "code",
    "codeSystem",
    "displayName",
    "codeSystemName",
    "value",
    "unit",
    "root",
    "extension",
    "nullFlavor",
    "use",
    "inclusive",
    "operator",
    "mediaType",
    "representation",
    "assigningAuthorityName",
    "compression",
    "language",
    "currency",
    "codeSystemVersion",
    "valueSet",
    "valueSetVersion",
    "institutionSpecified",
    "alignment",
    "integrityCheck",
    "integrityCheckAlgorithm",
    "charset",
    "qualifier",
    "inverted",
    "sequence",
};
static_assert(std::size(data_attributes) <= 32 && data_attributes[4] == "value");

// Each attribute once: a document may say one twice, an object may not.
void attributes(JsonWriter& w, pugi::xml_node node, bool with_value)
{
    std::uint32_t seen = with_value ? 0 : 1u << 4;
    for (pugi::xml_attribute a = node.first_attribute(); a; a = a.next_attribute()) {
        std::string_view name = a.name();
        if (name.starts_with("sdtc:")) name.remove_prefix(5);
        for (std::size_t i = 0; i < std::size(data_attributes); ++i) {
            if (name != data_attributes[i]) continue;
            if (!(seen & 1u << i)) w.field(name, a.value());
            seen |= 1u << i;
            break;
        }
    }
}

// Which of the names a child has; the number of names for none of them.
template <std::size_t N>
std::size_t which(const std::string_view (&names)[N], std::string_view name)
{
    std::size_t i = 0;
    while (i < N && names[i] != name) ++i;
    return i;
}

void time_members(Cda& cda, pugi::xml_node node);

void qualifier_members(Cda& cda, pugi::xml_node qualifier)
{
    attributes(cda.json, qualifier, false);
    code_field(cda, "name", qualifier.child("name"));
    code_field(cda, "value", qualifier.child("value"));
}

// What a code has beside its attributes.
void code_children(Cda& cda, pugi::xml_node node)
{
    bool text = false, translations = false, qualifiers = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        const std::string_view name = n.name();
        if (name == "originalText" && !std::exchange(text, true))
            text_field(cda, "originalText", n);
        else if (name == "translation" && !std::exchange(translations, true))
            array_field(cda, "translations", node, "translation",
                        [&](pugi::xml_node t) { code_members(cda, t); });
        else if (name == "qualifier" && !std::exchange(qualifiers, true))
            array_field(cda, "qualifiers", node, "qualifier",
                        [&](pugi::xml_node q) { qualifier_members(cda, q); });
    }
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
    attributes(w, node, false);
}

void point_field(JsonWriter& w, const char* name, pugi::xml_node node)
{
    if (!node) return;
    w.open_field(name, '{');
    point_members(w, node);
    w.close('}');
}

constexpr std::string_view quantity_names[] = {"low",       "high",        "center", "width",
                                               "numerator", "denominator", "origin", "scale",
                                               "increment", "head",        "digits", "translation"};

void quantity_parts(Cda& cda, pugi::xml_node node, bool translations)
{
    unsigned seen = translations ? 0 : 1u << 11;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        const std::size_t i = which(quantity_names, n.name());
        if (i == std::size(quantity_names) || seen & 1u << i) continue;
        seen |= 1u << i;
        if (i == 11)
            // A translation of a quantity is a value with a code for its unit.
            array_field(cda, "translations", node, "translation",
                        [&](pugi::xml_node t) { code_members(cda, t); });
        else if (i == 10)
            words_field(cda, "digits", n);
        else
            quantity_field(cda, quantity_names[i].data(), n);
    }
}

void quantity_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    quantity_parts(cda, node, true);
}

const char* time_kind(std::string_view type)
{
    if (type.starts_with("PIVL")) return "PIVL";
    if (type.starts_with("EIVL")) return "EIVL";
    if (type.starts_with("IVL")) return "IVL";
    return type == "TS" ? "TS" : nullptr;
}

constexpr std::string_view time_names[] = {"low",   "high",  "center", "width", "period",
                                           "phase", "event", "offset", "comp"};

void time_part(Cda& cda, pugi::xml_node time, pugi::xml_node n, std::size_t which)
{
    const char* name = time_names[which].data();
    switch (which) {
        case 0:
        case 1:
        case 2:
            return point_field(cda.json, name, n);
        case 5:
            return time_field(cda, name, n);
        case 6:
            return cda.json.field(name, attribute(n, "code"));
        case 8:
            return array_field(cda, "parts", time, "comp", [&](pugi::xml_node c) { time_members(cda, c); });
        default:
            return quantity_field(cda, name, n);
    }
}

// What it is: by its type, else by what it is made of.
void time_members(Cda& cda, pugi::xml_node node)
{
    const char* kind = time_kind(type_of(node));
    unsigned seen = 0;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling())
        if (const std::size_t i = which(time_names, n.name()); i < std::size(time_names)) seen |= 1u << i;
    if (!kind) kind = seen & 1u << 4 ? "PIVL" : seen & 1u << 6 ? "EIVL" : seen & 0xF ? "IVL" : "TS";
    cda.json.field("kind", kind);
    point_members(cda.json, node);
    for (pugi::xml_node n = node.first_child(); seen && n; n = n.next_sibling()) {
        const std::size_t i = which(time_names, n.name());
        if (!(seen & 1u << i)) continue;
        seen &= ~(1u << i);
        time_part(cda, node, n, i);
    }
}

// ST, ED, TEL, and every type not named: words, attributes, and the parts others have.
void other_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    if (!node.first_child()) return;
    quantity_parts(cda, node, false);
    code_children(cda, node);
    const bool encoded = is_base64(node);
    // Pictures and sounds stay in the document: told is how large they are there.
    if (encoded) cda.json.number_field("encodedSize", std::strlen(node.text().get()));
    const std::size_t room = cda.reference_room();
    const auto words = encoded ? cda.narrative.referred(node, room) : cda.narrative.text_of(node, room);
    cda.json.field("text", words.text);
    cda.json.field("reference", words.reference);
    if (words.cut) cda.json.flag_field("textCut", true);
}

}  // namespace

std::string_view type_of(pugi::xml_node node)
{
    return local_name(node.attribute("xsi:type").value());
}

bool is_null_code(pugi::xml_node node)
{
    if (*attribute(node, "code") || *attribute(node, "displayName")) return false;
    for (pugi::xml_node c = node.first_child(); c; c = c.next_sibling())
        if (std::strcmp(c.name(), "translation") == 0 || std::strcmp(c.name(), "originalText") == 0)
            return false;
    return true;
}

void data_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
}

void code_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    code_children(cda, node);
}

void code_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    code_members(cda, node);
    cda.json.close('}');
}

void word_field(Cda& cda, const char* name, pugi::xml_node node)
{
    const char* code = attribute(node, "code");
    cda.json.field(name, code);
    if (!*code) cda.json.field(std::string(name) + "NullFlavor", attribute(node, "nullFlavor"));
}

void truth_field(Cda& cda, const char* name, pugi::xml_node node)
{
    const char* value = attribute(node, "value");
    const Truth truth = truth_of(value);
    if (truth == Truth::unclear)
        cda.json.field(std::string(name) + "Raw", value);
    else if (truth != Truth::absent)
        cda.json.flag_field(name, truth == Truth::yes);
    else
        cda.json.field(std::string(name) + "NullFlavor", attribute(node, "nullFlavor"));
}

void number_field(Cda& cda, const char* name, pugi::xml_node node)
{
    const char* value = attribute(node, "value");
    cda.json.field(name, value);
    if (!*value && node) quantity_field(cda, (std::string(name) + "Range").c_str(), node);
}

void time_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    time_members(cda, node);
    cda.json.close('}');
}

void quantity_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    quantity_members(cda, node);
    cda.json.close('}');
}

void value_members(Cda& cda, pugi::xml_node node)
{
    const std::string_view type = type_of(node);
    cda.json.field("type", type);
    if (is_any(type, {"CD", "CE", "CO", "CV", "CS"}) || (type.empty() && *attribute(node, "code")))
        code_members(cda, node);
    else if (is_any(type, {"TS", "IVL_TS", "PIVL_TS", "EIVL_TS", "SXPR_TS"}))
        time_field(cda, "time", node);
    else if (is_any(type, {"PQ", "IVL_PQ", "RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "MO", "INT", "REAL", "IVL_INT",
                           "IVL_REAL", "SLIST_PQ", "GLIST_PQ", "BL"}))
        quantity_members(cda, node);
    else if (is_any(type, {"AD"}))
        address_members(cda, node);
    else if (is_any(type, {"EN", "PN"}))
        name_members(cda, node);
    else
        other_members(cda, node);
}

void value_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    value_members(cda, node);
    cda.json.close('}');
}

void text_field(Cda& cda, const char* name, pugi::xml_node ed)
{
    if (!ed) return;
    const bool file = is_base64(ed) && file_members(cda, name, ed);
    const std::size_t room = cda.reference_room();
    const auto words = file ? cda.narrative.referred(ed, room) : cda.narrative.text_of(ed, room);
    cda.json.field(name, words.text);
    if (!words.reference.empty()) cda.json.field(std::string(name) + "Reference", words.reference);
    if (words.cut) cda.json.flag_field(std::string(name) + "Cut", true);
    const std::string_view media = attribute(ed, "mediaType");
    if (!media.empty() && media != "text/plain") cda.json.field(std::string(name) + "MediaType", media);
}

void words_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.field(name, cda.narrative.line(node));
    if (*attribute(node, "code"))
        code_field(cda, (std::string(name) + "Code").c_str(), node);
    else if (!node.first_child())
        cda.json.field(std::string(name) + "NullFlavor", attribute(node, "nullFlavor"));
}

void ids_field(Cda& cda, const char* name, pugi::xml_node parent, const char* child)
{
    array_field(cda, name, parent, child, [&](pugi::xml_node n) { data_members(cda, n); });
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
