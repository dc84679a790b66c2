// reader.cpp - see reader.h.
#include "plugins/xdm/reader.h"

#include <algorithm>

#include "plugins/text_line.h"
#include "plugins/xdm/schemes.h"
#include "plugins/xml_text.h"

namespace direct::xdm {
namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_list(pugi::xml_node n)
{
    return is(n, "RegistryObjectList") || is(n, "LeafRegistryObjectList");
}

// A package may hold objects; all else in it is what it says of itself.
bool is_own_list(pugi::xml_node n)
{
    return is(n.parent(), "RegistryPackage") && is_list(n);
}
bool is_own_part(pugi::xml_node n)
{
    return is(n.parent(), "RegistryPackage") && !is_list(n);
}

// Elements that say nothing when there is nothing in them.
bool is_known(std::string_view name)
{
    static const std::unordered_set<std::string_view> names = {"ExtrinsicObject",
                                                               "RegistryPackage",
                                                               "Association",
                                                               "ObjectRef",
                                                               "Classification",
                                                               "ExternalIdentifier",
                                                               "Slot",
                                                               "ValueList",
                                                               "Value",
                                                               "Name",
                                                               "Description",
                                                               "LocalizedString",
                                                               "VersionInfo",
                                                               "RegistryObjectList",
                                                               "RequestSlotList",
                                                               "LeafRegistryObjectList",
                                                               "SubmitObjectsRequest",
                                                               "ContentVersionInfo",
                                                               "ProvideAndRegisterDocumentSetRequest"};
    return names.contains(name);
}

// In the order of the document, without recursion; the empty node after the last one below `top`.
pugi::xml_node after(pugi::xml_node n, pugi::xml_node top, bool inside)
{
    if (inside && n.first_child()) return n.first_child();
    while (n != top && !n.next_sibling()) n = n.parent();
    return n == top ? pugi::xml_node() : n.next_sibling();
}

}  // namespace

bool is(pugi::xml_node n, std::string_view local)
{
    return n.type() == pugi::node_element && local_name(n.name()) == local;
}

Reader::Reader(pugi::xml_node root)
{
    for (pugi::xml_node n = root; n;) {
        for (const char* name : {"sourceObject", "targetObject", "classifiedObject", "registryObject"})
            if (const auto a = n.attribute(name)) referred_.insert(a.value());
        if (is(n, "ObjectRef")) referred_.insert(n.attribute("id").value());
        n = after(n, root, true);
    }
    for (pugi::xml_node n = root; n;) {
        const bool own = is_own_part(n);
        if (!own) sort(n);
        const bool closed = own || is(n, "ExtrinsicObject") || is(n, "Association") ||
                            is(n, "Classification") || is(n, "ExternalIdentifier");
        n = after(n, root, !closed);
    }
}

void Reader::sort(pugi::xml_node n)
{
    if (is(n, "ExtrinsicObject") || is(n, "RegistryPackage") || is(n, "Association") || is(n, "ObjectRef"))
        objects_.push_back(n);
    if (is(n, "Classification")) classifications_[n.attribute("classifiedObject").value()].push_back(n);
    if (is(n, "ExternalIdentifier")) identifiers_[n.attribute("registryObject").value()].push_back(n);
}

std::vector<pugi::xml_node> Reader::parts_of(pugi::xml_node object, std::string_view element)
{
    std::vector<pugi::xml_node> out;
    each(object, element, [&](pugi::xml_node n) { out.push_back(n); });
    const bool classification = element == "Classification";
    auto& alone = classification ? classifications_ : identifiers_;
    const auto at = alone.find(object.attribute("id").value());
    if (at == alone.end() || at->first.empty()) return out;
    for (const auto n : at->second) {
        mark(n.attribute(classification ? "classifiedObject" : "registryObject"));
        out.push_back(n);
    }
    alone.erase(at);
    return out;
}

std::string Reader::trimmed(std::string_view s, std::size_t most)
{
    const auto from = s.find_first_not_of(blanks);
    if (from == s.npos) return "";
    s = s.substr(from, s.find_last_not_of(blanks) + 1 - from);
    if (s.size() <= most) return std::string(s);
    ++cut_;
    return text_line(s, most);
}

std::string Reader::attribute(pugi::xml_node n, const char* name)
{
    const auto a = n.attribute(name);
    if (!a) return "";
    mark(a);
    return trimmed(a.value());
}

std::string Reader::text(pugi::xml_node element)
{
    told_.insert(element.internal_object());
    std::string all;
    for (pugi::xml_node n = element.first_child(); n; n = n.next_sibling())
        if (n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata) all += n.value();
    return trimmed(all);
}

std::vector<std::string> Reader::values(pugi::xml_node slot)
{
    std::vector<std::string> out;
    mark(slot.attribute("name"));
    each(slot, "ValueList", [&](pugi::xml_node list) {
        each(list, "Value", [&](pugi::xml_node v) {
            if (auto value = text(v); !value.empty()) out.push_back(std::move(value));
        });
    });
    return out;
}

bool Reader::says_nothing(pugi::xml_node n, pugi::xml_attribute a) const
{
    const std::string_view name = a.name(), value = a.value(), element = local_name(n.name());
    if (value.find_first_not_of(blanks) == value.npos || name == "xmlns" || name.starts_with("xmlns:"))
        return true;
    // What a schema supplies when it is left out.
    if (name == "charset") return same(value, "UTF-8");
    if (name == "xml:lang") return same(value, "en-US");
    if (name == "isOpaque") return value == "false";
    if (name == "lid") return value == n.attribute("id").value();
    if (name == "id" && element == "ObjectRef") return is_fixed_name(value);
    if (element != "Classification" && element != "ExternalIdentifier") return false;
    // Parts of an object: what they belong to is told by where they are told.
    if (name == "id") return !referred_.contains(value);
    if (name == "classifiedObject" || name == "registryObject")
        return value == n.parent().attribute("id").value();
    return name == "objectType" && value.starts_with("urn:oasis:names:tc:ebxml-regrep:ObjectType:") &&
           value.ends_with(":" + std::string(element));
}

void Reader::sweep_one(pugi::xml_node n, const std::string& path, const Tell& tell)
{
    bool said = bool(n.first_child());
    for (pugi::xml_attribute a = n.first_attribute(); a; a = a.next_attribute()) {
        if (is_told(a) || says_nothing(n, a)) continue;
        mark(a);
        said = true;
        // The path of `top` itself may be empty: what it says stands at "@name".
        const std::string at = path.empty() ? "@" : path + "/@";
        tell(trimmed(at + text_line(a.name(), limits::path_max), limits::path_max), trimmed(a.value()));
    }
    if (told_.contains(n.internal_object())) return;
    if (const std::string value = text(n); !value.empty())
        tell(trimmed(path, limits::path_max), value);
    else if (!said && !is_known(local_name(n.name())))
        tell(trimmed(path, limits::path_max), "");
}

void Reader::sweep(pugi::xml_node top, std::string path, const Tell& tell)
{
    const bool is_object = path.empty();
    std::vector<std::size_t> ends;  // of the path, one for each element above
    pugi::xml_node n = top;
    for (;;) {
        if (n.type() == pugi::node_element) {
            const std::size_t end = path.size();
            // A path that is too long already is cut when it is told: no need to make it longer for each level.
            if (n != top && path.size() <= limits::path_max) {
                if (!path.empty()) path += '/';
                path += text_line(local_name(n.name()), limits::path_max);
            }
            sweep_one(n, path, tell);
            // The objects of a package are told as objects.
            const bool apart = is_object && n.parent() == top && is_own_list(n);
            if (n.first_child() && !apart) {
                ends.push_back(end);
                n = n.first_child();
                continue;
            }
            path.resize(end);
        }
        while (n != top && !n.next_sibling()) {
            n = n.parent();
            path.resize(ends.back());
            ends.pop_back();
        }
        if (n == top) return;
        n = n.next_sibling();
    }
}

}  // namespace direct::xdm
