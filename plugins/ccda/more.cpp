// more.cpp - elements nobody gave a name to: told as they stand, so that nothing disappears.
#include <algorithm>
#include <cstring>
#include <string>

#include "plugins/ccda/embedded.h"
#include "plugins/ccda/more.h"

namespace direct::ccda {
namespace {

constexpr XmlNames plain{"code",     "codeSystem", "codeSystemName", "displayName", "value",
                         "unit",     "root",       "extension",      "nullFlavor",  "assigningAuthorityName",
                         "typeCode", "classCode",  "moodCode"};

bool is_told_by_name(pugi::xml_attribute a)
{
    return plain.has(a) || a.is("xsi:type") || std::strncmp(a.name(), "xmlns", 5) == 0;
}

// Attributes by their own names where the name is one of ours, else as name and value: a document's words
// never become the name of a member.
void attributes(JsonWriter& w, pugi::xml_node node)
{
    w.field("type", node.attribute("xsi:type").value());
    for (std::size_t i = 0; i < plain.size(); ++i) w.field(plain[i].text, node.attribute(plain[i]).text());
    bool open = false;
    for (pugi::xml_attribute a : node.attributes()) {
        if (is_told_by_name(a)) continue;
        if (!open) w.open_field("attributes", '[');
        open = true;
        w.open('{');
        w.field("name", a.name());
        w.field("value", a.value());
        w.close('}');
    }
    if (open) w.close(']');
}

bool has_element(pugi::xml_node node)
{
    for (pugi::xml_node n : node.children())
        if (n.type() == pugi::node_element) return true;
    return false;
}

void element(Cda& cda, pugi::xml_node node)
{
    auto& w = cda.json;
    w.open('{');
    w.field("element", node.name());
    attributes(w, node);
    const bool encoded = is_base64(node);
    if (encoded) w.number_field("encodedSize", raw_text(node).size());
    if (!has_element(node) || cda.too_deep()) {
        if (!encoded) w.field("text", cda.narrative.line(node));
    } else {
        w.open_field("children", '[');
        for (pugi::xml_node n : node.children()) {
            if (n.type() == pugi::node_element) {
                element(cda, n);
            } else if (is_words(n) && !encoded) {
                w.open('{');
                w.field("text", n.value());
                w.close('}');
            }
        }
        w.close(']');
    }
    w.close('}');
}

}  // namespace

void more_element(Cda& cda, pugi::xml_node node)
{
    element(cda, node);
}

std::string own_words(pugi::xml_node node)
{
    constexpr std::string_view blanks = " \t\r\n";
    std::string out;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        if (!is_words(n)) continue;
        std::string_view rest = n.value();
        for (auto from = rest.find_first_not_of(blanks); from != rest.npos;
             from = rest.find_first_not_of(blanks)) {
            rest.remove_prefix(from);
            const auto end = std::min(rest.find_first_of(blanks), rest.size());
            if (!out.empty()) out += ' ';
            out += rest.substr(0, end);
            rest.remove_prefix(end);
        }
    }
    return out;
}

bool says_beside(pugi::xml_node element, const Taken& taken)
{
    if (*element.attribute("nullFlavor").value()) return true;
    for (pugi::xml_node n = element.first_child(); n; n = n.next_sibling()) {
        if (is_words(n)) return true;
        if (n.type() == pugi::node_element && element_field(n).row->as != As::ignore && !taken.has(n))
            return true;
    }
    return false;
}

bool says_by_attributes(pugi::xml_node element)
{
    for (pugi::xml_attribute a = element.first_attribute(); a; a = a.next_attribute())
        if (plain.has(a) && *a.value()) return true;
    for (pugi::xml_node n = element.first_child(); n; n = n.next_sibling())
        if (says_by_attributes(n)) return true;
    return false;
}

}  // namespace direct::ccda
