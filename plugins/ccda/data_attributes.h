// data_attributes.h - the attributes of HL7 data types, as members by their own names.
#pragma once
#include <pugixml.hpp>
#include <span>
#include <string_view>

#include "plugins/json_writer.h"

namespace direct::ccda {

inline const char* attribute(pugi::xml_node n, const char* name)
{
    return n.attribute(name).value();
}

/// Each attribute a data type may have, once: a document may say one twice, an object may not.
void attributes(JsonWriter& w, pugi::xml_node node, bool with_value);

/// Their names; an sdtc attribute is known by its local name.
std::span<const std::string_view> data_attribute_names();

// Which of the names a child has; the number of names for none of them.
template <std::size_t N>
std::size_t which(const std::string_view (&names)[N], std::string_view name)
{
    std::size_t i = 0;
    while (i < N && names[i] != name) ++i;
    return i;
}

}  // namespace direct::ccda
