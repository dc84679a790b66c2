// data_attributes.cpp - see data_attributes.h.
#include "plugins/ccda/data_attributes.h"

#include <cstdint>
#include <iterator>

namespace direct::ccda {
namespace {

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

}  // namespace

std::span<const std::string_view> data_attribute_names()
{
    return data_attributes;
}

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

}  // namespace direct::ccda
