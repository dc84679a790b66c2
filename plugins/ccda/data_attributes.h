// data_attributes.h - the attributes of HL7 data types, as members by their own names.
#pragma once
#include <cstdint>
#include <string_view>

#include "plugins/json_writer.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// Of data types, the frequent ones first.
inline constexpr XmlNames data_attributes{"code",
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
                                          "sequence"};

/// Number of an attribute's name; an sdtc attribute is known by its local name.
inline std::uint16_t plain_id(pugi::xml_attribute a)
{
    if (a.id() && !xml_name_prefixed[a.id()]) return a.id();
    const std::string_view name = a.name();
    return name.starts_with("sdtc:") ? xml_name_id(name.substr(5)) : a.id();
}

inline const char* attribute(pugi::xml_node n, XmlName name)
{
    return n.attribute(name).value();
}

/// Each attribute a data type may have, once: a document may say one twice, an object may not.
void attributes(JsonWriter& w, pugi::xml_node node, bool with_value);

}  // namespace direct::ccda
