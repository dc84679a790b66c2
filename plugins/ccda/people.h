// people.h - names, addresses and telecom of people and organisations, as JSON members of the object in work.
// Roles and participations around them are written by statement.h.
// Source: HL7 V3 data types R1 (EN, AD, TEL); field names: clinical documents section 3.
#pragma once
#include <string>

#include "plugins/ccda/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

std::string display_name(Cda& cda, pugi::xml_node name);  ///< parts of a person's name in document order
void name_members(Cda& cda, pugi::xml_node name);
void address_members(Cda& cda, pugi::xml_node addr);
void telecom_members(Cda& cda, pugi::xml_node telecom);
void names_field(Cda& cda, const char* name, pugi::xml_node parent);

}  // namespace direct::ccda
