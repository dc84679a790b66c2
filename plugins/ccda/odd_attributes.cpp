// odd_attributes.cpp - see odd_attributes.h.
#include "plugins/ccda/odd_attributes.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "plugins/ccda/data_attributes.h"

namespace direct::ccda {
namespace {

// Of statements, roles and participations, and what says where or of which type something is.
constexpr std::string_view structural[] = {"typeCode",     "classCode", "moodCode", "negationInd",
                                           "inversionInd", "ID",        "xsi:type", "xsi:schemaLocation"};

// Those of the schema that say nothing while they have the value they have anyway.
struct Default {
    std::string_view name, values[2];
};
constexpr Default defaults[] = {{"determinerCode", {"INSTANCE", "KIND"}},
                                {"contextControlCode", {"OP", "OP"}},
                                {"contextConductionInd", {"true", "1"}}};

// Names that are known whatever their value; asked for every attribute of a document.
class Names {
public:
    Names()
    {
        for (std::string_view name : structural) add(name);
        for (std::string_view name : data_attribute_names()) add(name);
    }
    bool has(std::string_view name) const
    {
        for (std::size_t at = slot(name); !slots_[at].empty(); at = (at + 1) % size)
            if (slots_[at] == name) return true;
        return false;
    }

private:
    static constexpr std::size_t size = 128;  // a power of two, three times the names
    static std::size_t slot(std::string_view name)
    {
        const auto at = [&](std::size_t i) { return static_cast<unsigned char>(name[i]); };
        return (name.size() * 7 + at(0) * 5u + at(name.size() / 2) * 3u + at(name.size() - 1)) % size;
    }
    void add(std::string_view name)
    {
        std::size_t at = slot(name);
        while (!slots_[at].empty()) at = (at + 1) % size;
        slots_[at] = name;
    }
    std::string_view slots_[size];
};

bool is_known(std::string_view name, const char* value)
{
    static const Names names;
    if (name.empty() || names.has(name) || name.starts_with("xmlns")) return true;
    if (name.starts_with("sdtc:")) return is_known(name.substr(5), value);
    for (const auto& d : defaults)
        if (name == d.name) return value == d.values[0] || value == d.values[1];
    return false;
}

// Narrative; the text of a body that says its type is a file, unless that type is narrative.
bool is_for_readers(pugi::xml_node node)
{
    if (*node.name() != 't' || std::strcmp(node.name(), "text") != 0) return false;
    if (std::strcmp(node.parent().name(), "section") == 0) return true;
    if (std::strcmp(node.parent().name(), "nonXMLBody") != 0) return false;
    const std::string_view media = attribute(node, "mediaType");
    return media.empty() || media.find("hl7-text") != media.npos;
}

// Calls visit(element, attribute) for each attribute of each element that is not inside of what is for readers.
template <class F>
void for_each_attribute(pugi::xml_node root, F visit)
{
    for (pugi::xml_node n = root;;) {
        for (pugi::xml_attribute a = n.first_attribute(); a; a = a.next_attribute()) visit(n, a);
        if (pugi::xml_node child = n.first_child(); child && !is_for_readers(n)) {
            n = child;
            continue;
        }
        pugi::xml_node next = n.next_sibling();
        while (!next) {
            if (n == root) return;
            n = n.parent();
            next = n.next_sibling();
        }
        if (n == root) return;
        n = next;
    }
}

}  // namespace

void odd_attributes_field(Cda& cda, pugi::xml_node document)
{
    auto& w = cda.json;
    const auto before = w.mark();
    const std::size_t most = w.size() + cda.document_max() / 16;
    std::size_t told = 0, left = 0;
    w.open_field("oddAttributes", '[');
    for_each_attribute(document, [&](pugi::xml_node n, pugi::xml_attribute a) {
        if (is_known(a.name(), a.value())) return;
        const auto here = w.mark();
        w.open('{');
        w.field("element", n.name());
        w.number_field("offset", cda.xml.offset(n));
        w.field("name", a.name());
        w.field("value", a.value());
        w.close('}');
        const bool fits = w.size() <= most;
        if (!fits) w.rewind(here);
        ++(fits ? told : left);
    });
    w.close(']');
    if (!told) w.rewind(before);
    if (left) cda.skip("document", std::to_string(left) + " attributes nobody knows");
}

}  // namespace direct::ccda
