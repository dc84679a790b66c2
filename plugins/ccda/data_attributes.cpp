// data_attributes.cpp - see data_attributes.h.
#include "plugins/ccda/data_attributes.h"

#include <cstdint>

namespace direct::ccda {

static_assert(data_attributes.size() <= 32 && data_attributes[4].id == XmlName("value").id);

void attributes(JsonWriter& w, pugi::xml_node node, bool with_value)
{
    std::uint32_t seen = with_value ? 0 : 1u << 4;
    for (pugi::xml_attribute a = node.first_attribute(); a; a = a.next_attribute()) {
        const std::size_t i = data_attributes.place(plain_id(a));
        if (i == data_attributes.size()) continue;
        if (!(seen & 1u << i)) w.field(data_attributes[i].text, a.text());
        seen |= 1u << i;
    }
}

}  // namespace direct::ccda
