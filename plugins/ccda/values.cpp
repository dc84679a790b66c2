// values.cpp - see values.h.
#include "plugins/ccda/values.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "plugins/ccda/data_attributes.h"
#include "plugins/ccda/embedded.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/statement.h"
#include "plugins/xml_text.h"

namespace direct::ccda {
namespace {

bool is_any(std::string_view type, std::initializer_list<std::string_view> types)
{
    return std::find(types.begin(), types.end(), type) != types.end();
}

void qualifier_members(Cda& cda, pugi::xml_node qualifier)
{
    attributes(cda.json, qualifier, false);
    const pugi::xml_node name = qualifier.child("name"), value = qualifier.child("value");
    code_field(cda, "name", name);
    code_field(cda, "value", value);
    surplus_members(cda, qualifier, [&](pugi::xml_node n) { return n == name || n == value; });
}

// What a code has beside its attributes. Returns whether there is more than a code should have.
bool code_children(Cda& cda, pugi::xml_node node)
{
    bool text = false, translations = false, qualifiers = false, more = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        if (n.is("originalText") && !std::exchange(text, true))
            text_field(cda, "originalText", n);
        else if (n.is("translation") && !std::exchange(translations, true))
            array_field(cda, "translations", node, "translation",
                        [&](pugi::xml_node t) { code_members(cda, t); });
        else if (n.is("qualifier") && !std::exchange(qualifiers, true))
            array_field(cda, "qualifiers", node, "qualifier",
                        [&](pugi::xml_node q) { qualifier_members(cda, q); });
        else
            more = more || (!n.is("translation") && !n.is("qualifier"));
    }
    return more;
}

// Whether a child of a code was told by code_children(); asked of each in order.
class ToldOfCode {
public:
    bool operator()(pugi::xml_node n)
    {
        if (n.is("originalText")) return !std::exchange(text_, true);
        return n.is("translation") || n.is("qualifier");
    }

private:
    bool text_ = false;
};

constexpr XmlNames quantity_names{"low",    "high",  "center",    "width", "numerator", "denominator",
                                  "origin", "scale", "increment", "head",  "digits",    "translation"};

// Returns whether there is more than a quantity should have.
bool quantity_parts(Cda& cda, pugi::xml_node node, bool translations)
{
    unsigned seen = translations ? 0 : 1u << 11;
    bool more = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        const std::size_t i = quantity_names.place(n);
        if (i == quantity_names.size() || seen & 1u << i) {
            more = more || i != 11;
            continue;
        }
        seen |= 1u << i;
        if (i == 11)
            // A translation of a quantity is a value with a code for its unit.
            array_field(cda, "translations", node, "translation",
                        [&](pugi::xml_node t) { code_members(cda, t); });
        else if (i == 10)
            words_field(cda, "digits", n);
        else
            quantity_field(cda, quantity_names[i].text, n);
    }
    return more;
}

// Whether a child of a quantity was told by quantity_parts(); asked of each in order.
class ToldOfQuantity {
public:
    bool operator()(pugi::xml_node n)
    {
        const std::size_t i = quantity_names.place(n);
        if (i >= 11) return i == 11;
        const bool first = !(seen_ & 1u << i);
        seen_ |= 1u << i;
        return first;
    }

private:
    unsigned seen_ = 0;
};

void quantity_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    if (quantity_parts(cda, node, true)) surplus_members(cda, node, ToldOfQuantity());
}

// A child of words: what it says itself is in the words, or is the reference they stand for.
bool is_told_by_words(pugi::xml_node reference, pugi::xml_node n)
{
    if (n == reference) return !n.first_child() && !*attribute(n, "nullFlavor");
    return !n.is("thumbnail") && !says_by_attributes(n);
}

// ST, ED, TEL, and every type not named: words, attributes, and the parts others have.
void other_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    if (!node.first_child()) return;
    quantity_parts(cda, node, false);
    code_children(cda, node);
    const pugi::xml_node reference = node.child("reference");
    const bool encoded = is_base64(node);
    surplus_fields(cda, node, "", "more",
                   [&, code = ToldOfCode(), quantity = ToldOfQuantity()](pugi::xml_node n) mutable {
                       return code(n) || quantity(n) ||
                              (is_told_by_words(reference, n) && (!encoded || n == reference));
                   });
    // Pictures and sounds stay in the document: told is how large they are there.
    if (encoded) cda.json.number_field("encodedSize", raw_text(node).size());
    const std::size_t room = cda.reference_room();
    const auto words = encoded ? cda.narrative.referred(node, room) : cda.narrative.text_of(node, room);
    cda.json.field("text", words.text);
    cda.json.field("reference", words.reference);
    if (words.cut) cda.json.flag_field("textCut", true);
}

// What stands beside the attribute that `name` was told by.
void beside(Cda& cda, const char* name, pugi::xml_node node)
{
    null_field(cda, name, node);
    if (!node.first_child()) return;
    const std::string n = name;
    surplus_fields(cda, node, n + "Words", n + "Children", [](pugi::xml_node) { return false; });
}

// What stands beside the words that `name` was told by; beside a file, in which elements are no words.
void beside_words(Cda& cda, const char* name, pugi::xml_node node, bool file = false)
{
    null_field(cda, name, node);
    const pugi::xml_node reference = node.child("reference");
    const auto is_told = [&](pugi::xml_node n) {
        return is_told_by_words(reference, n) && (!file || n == reference);
    };
    pugi::xml_node child = node.first_child();
    while (child && (child.type() != pugi::node_element || is_told(child))) child = child.next_sibling();
    if (child) surplus_fields(cda, node, "", std::string(name) + "Children", is_told);
}

}  // namespace

std::string_view type_of(pugi::xml_node node)
{
    return local_name(node.attribute("xsi:type").value());
}

void null_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (const char* null = attribute(node, "nullFlavor"); *null)
        cda.json.field(std::string(name) + "NullFlavor", null);
}

bool says_something(pugi::xml_node node)
{
    static constexpr XmlNames saying{"code", "displayName", "value", "extension", "root"};
    for (pugi::xml_attribute a = node.first_attribute(); a; a = a.next_attribute())
        if (saying.has(a) && *a.value()) return true;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling())
        if (is_words(n) || says_something(n)) return true;
    return false;
}

void data_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    surplus_members(cda, node);
}

void code_members(Cda& cda, pugi::xml_node node)
{
    attributes(cda.json, node, true);
    if (code_children(cda, node)) surplus_members(cda, node, ToldOfCode());
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
    beside(cda, name, node);
}

void truth_field(Cda& cda, const char* name, pugi::xml_node node)
{
    const char* value = attribute(node, "value");
    const Truth truth = truth_of(value);
    if (truth == Truth::unclear)
        cda.json.field(std::string(name) + "Raw", value);
    else if (truth != Truth::absent)
        cda.json.flag_field(name, truth == Truth::yes);
    beside(cda, name, node);
}

void number_field(Cda& cda, const char* name, pugi::xml_node node)
{
    const char* value = attribute(node, "value");
    cda.json.field(name, value);
    if (node && (!*value || node.first_child() || *attribute(node, "nullFlavor")))
        quantity_field(cda, (std::string(name) + "Range").c_str(), node);
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
    beside_words(cda, name, ed, file);
}

void words_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.field(name, cda.narrative.line(node));
    if (*attribute(node, "code")) code_field(cda, (std::string(name) + "Code").c_str(), node);
    beside_words(cda, name, node);
}

void ids_field(Cda& cda, const char* name, pugi::xml_node parent, XmlName child)
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
