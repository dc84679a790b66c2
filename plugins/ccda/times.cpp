// times.cpp - TS, IVL_TS, PIVL_TS and EIVL_TS; see values.h.
#include <cstddef>
#include <cstdint>

#include "plugins/ccda/data_attributes.h"
#include "plugins/ccda/more.h"
#include "plugins/ccda/values.h"

namespace direct::ccda {
namespace {

void point_members(JsonWriter& w, pugi::xml_node node)
{
    const std::string_view raw = attribute(node, "value");
    if (!raw.empty()) time_stamp_members(w, raw, read_time(raw));
    attributes(w, node, false);
}

void point_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node) return;
    cda.json.open_field(name, '{');
    point_members(cda.json, node);
    surplus_members(cda, node);
    cda.json.close('}');
}

const char* time_kind(std::string_view type)
{
    if (type.starts_with("PIVL")) return "PIVL";
    if (type.starts_with("EIVL")) return "EIVL";
    if (type.starts_with("IVL")) return "IVL";
    return type == "TS" ? "TS" : nullptr;
}

constexpr XmlNames time_names{"low", "high", "center", "width", "period", "phase", "event", "offset", "comp"};

void time_members(Cda& cda, pugi::xml_node node);

void time_part(Cda& cda, pugi::xml_node time, pugi::xml_node n, std::size_t which)
{
    const char* name = time_names[which].text;
    switch (which) {
        case 0:
        case 1:
        case 2:
            return point_field(cda, name, n);
        case 5:
            return time_field(cda, name, n);
        case 6:
            return word_field(cda, name, n);
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
        if (const std::size_t i = time_names.place(n); i < time_names.size()) seen |= 1u << i;
    if (!kind) kind = seen & 1u << 4 ? "PIVL" : seen & 1u << 6 ? "EIVL" : seen & 0xF ? "IVL" : "TS";
    cda.json.field("kind", kind);
    point_members(cda.json, node);
    bool more = false;
    for (pugi::xml_node n = node.first_child(); n; n = n.next_sibling()) {
        const std::size_t i = time_names.place(n);
        if (!(seen & 1u << i)) {
            more = more || i != 8;
            continue;
        }
        seen &= ~(1u << i);
        time_part(cda, node, n, i);
    }
    if (!more) return;
    surplus_members(cda, node, [told = 0u](pugi::xml_node n) mutable {
        const std::size_t i = time_names.place(n);
        if (i >= 8) return i == 8;
        const bool first = !(told & 1u << i);
        told |= 1u << i;
        return first;
    });
}

}  // namespace

void time_field(Cda& cda, const char* name, pugi::xml_node node)
{
    if (!node || cda.too_deep()) return;
    cda.json.open_field(name, '{');
    time_members(cda, node);
    cda.json.close('}');
}

}  // namespace direct::ccda
