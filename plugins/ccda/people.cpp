// people.cpp - see people.h.
#include "plugins/ccda/people.h"

#include <algorithm>
#include <iterator>

#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

constexpr XmlNames name_parts{"prefix", "given", "family", "suffix", "delimiter"};

void list_of_words(Cda& cda, const char* name, pugi::xml_node parent, XmlName child)
{
    bool open = false;
    for (pugi::xml_node n = parent.child(child); n; n = n.next_sibling(child)) {
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.text(cda.narrative.line(n));
    }
    if (open) cda.json.close(']');
}

void append_words(std::string& out, std::string_view words)
{
    while (!words.empty()) {
        const auto from = words.find_first_not_of(" \t\r\n");
        if (from == std::string_view::npos) return;
        words.remove_prefix(from);
        const auto n = std::min(words.find_first_of(" \t\r\n"), words.size());
        if (!out.empty()) out += ' ';
        out += words.substr(0, n);
        words.remove_prefix(n);
    }
}

// What is said of the parts of a name beside their words: how it is used, why it is not told.
void qualifiers_field(Cda& cda, pugi::xml_node name)
{
    bool open = false;
    for (pugi::xml_node part : name.children()) {
        const char *q = part.attribute("qualifier").value(), *null = part.attribute("nullFlavor").value();
        if (!*q && !*null) continue;
        if (!open) cda.json.open_field("qualifiers", '[');
        open = true;
        cda.json.open('{');
        cda.json.field("part", part.name());
        cda.json.field("qualifier", q);
        cda.json.field("nullFlavor", null);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

// Parts of an address besides the lines of the street, as CDA names them. A part said twice keeps both.
constexpr XmlName address_parts[] = {
    "city",        "county",     "state",       "postalCode",         "country",
    "houseNumber", "streetName", "unitID",      "additionalLocator",  "postBox",
    "careOf",      "precinct",   "censusTract", "deliveryAddressLine"};

bool is_address_part(pugi::xml_node part)
{
    return std::any_of(std::begin(address_parts), std::end(address_parts),
                       [&](XmlName name) { return part.is(name); });
}

bool has_elements(pugi::xml_node node)
{
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling())
        if (n.type() == pugi::node_element) return true;
    return false;
}

// "more": what its words in the text, and what is said of it beside them, do not tell.
template <class Told>
void other_elements(Cda& cda, pugi::xml_node node, XmlName period, Told told)
{
    const pugi::xml_node time = node.child(period);
    surplus_fields(cda, node, "", "more", [&](pugi::xml_node n) {
        return n == time || (told(n) && !(has_elements(n) && says_by_attributes(n)));
    });
}

// Parts with no name of ours, and those that say why they are not told.
void other_parts_field(Cda& cda, pugi::xml_node address)
{
    bool open = false;
    const pugi::xml_node period = address.child("useablePeriod");
    for (pugi::xml_node part : address.children()) {
        if (part.type() != pugi::node_element || part == period) continue;
        const char* null = part.attribute("nullFlavor").value();
        const bool known = part.is("streetAddressLine") || is_address_part(part);
        if (known && !*null) continue;
        if (!open) cda.json.open_field("parts", '[');
        open = true;
        cda.json.open('{');
        cda.json.field("part", part.name());
        if (!known) cda.json.field("text", cda.narrative.line(part));
        cda.json.field("nullFlavor", null);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

void address_part(Cda& cda, pugi::xml_node address, XmlName part)
{
    pugi::xml_node n = address.child(part);
    if (!n) return;
    std::string words = cda.narrative.line(n);
    for (n = n.next_sibling(part); n; n = n.next_sibling(part)) append_words(words, cda.narrative.line(n));
    cda.json.field(part.text, words);
}

}  // namespace

std::string display_name(Cda& cda, pugi::xml_node name)
{
    std::string out;
    for (pugi::xml_node part : name.children()) {
        if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata)
            append_words(out, part.value());  // a name without parts, or words between them
        else if (name_parts.has(part))
            append_words(out, cda.narrative.line(part));
    }
    return out;
}

void name_members(Cda& cda, pugi::xml_node n)
{
    cda.json.field("use", n.attribute("use").value());
    cda.json.field("nullFlavor", n.attribute("nullFlavor").value());
    cda.json.field("text", display_name(cda, n));
    list_of_words(cda, "prefix", n, "prefix");
    list_of_words(cda, "given", n, "given");
    std::string family;
    for (pugi::xml_node f : n.children("family")) append_words(family, cda.narrative.line(f));
    cda.json.field("family", family);
    list_of_words(cda, "suffix", n, "suffix");
    qualifiers_field(cda, n);
    time_field(cda, "period", n.child("validTime"));
    other_elements(cda, n, "validTime", [](pugi::xml_node part) { return name_parts.has(part); });
}

void names_field(Cda& cda, const char* name, pugi::xml_node parent)
{
    array_field(cda, name, parent, "name", [&](pugi::xml_node n) { name_members(cda, n); });
}

void address_members(Cda& cda, pugi::xml_node n)
{
    cda.json.field("use", n.attribute("use").value());
    cda.json.field("nullFlavor", n.attribute("nullFlavor").value());
    list_of_words(cda, "streetAddressLine", n, "streetAddressLine");
    for (const XmlName part : address_parts) address_part(cda, n, part);
    other_parts_field(cda, n);
    // Words between the parts are said too; without the usual parts, all words together.
    std::string text;
    if (!n.child("streetAddressLine") && !n.child("city") && !n.child("state"))
        text = cda.narrative.line(n);
    else
        for (pugi::xml_node own = n.first_child(); own; own = own.next_sibling())
            if (own.type() == pugi::node_pcdata || own.type() == pugi::node_cdata)
                append_words(text, own.value());
    cda.json.field("text", text);
    time_field(cda, "period", n.child("useablePeriod"));
    other_elements(cda, n, "useablePeriod", [](pugi::xml_node part) {
        return part.is("streetAddressLine") || is_address_part(part) || !says_by_attributes(part);
    });
}

void telecom_members(Cda& cda, pugi::xml_node n)
{
    for (const XmlName a : {XmlName("use"), XmlName("value"), XmlName("nullFlavor")})
        cda.json.field(a.text, n.attribute(a).text());
    const pugi::xml_node period = n.child("useablePeriod");
    time_field(cda, "period", period);
    surplus_members(cda, n, [&](pugi::xml_node child) { return child == period; });
}

}  // namespace direct::ccda
