// roles.h - who had part in something: names, addresses, organisations, devices and the roles they play, as
// JSON members of the object in work. Every participation of CDA R2 (author, performer, participant,
// custodian, guardian ...) is a participation, a role, a player and a scoper; one writer serves them all.
// What it has no name for goes to "more", as it stands in the document.
// Source: CDA R2 participations and roles; field names: clinical documents section 3.
#pragma once
#include <initializer_list>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "plugins/ccda/extract.h"

namespace direct::ccda {

std::string display_name(Cda& cda, pugi::xml_node name);  ///< parts of a person's name in document order
void name_members(Cda& cda, pugi::xml_node name);
void address_members(Cda& cda, pugi::xml_node addr);
void telecom_members(Cda& cda, pugi::xml_node telecom);
void names_field(Cda& cda, const char* name, pugi::xml_node parent);
void addresses_field(Cda& cda, const char* name, pugi::xml_node parent);
void telecom_field(Cda& cda, const char* name, pugi::xml_node parent);
/// Organisation: ids, name, telecom, addresses, the organisation it is part of.
void organisation_field(Cda& cda, const char* name, pugi::xml_node node);

/// A role (assignedEntity, participantRole, guardian ...): ids, code, names, birth and death of its person,
/// device, entity, organisation.
void role_fields(Cda& cda, pugi::xml_node role);
/// A participation: typeCode, time, signature, and its role whatever that is called.
void participation_fields(Cda& cda, pugi::xml_node participation);
/// Array of all participations of that name in a statement or header; nothing when there is none.
void roles_field(Cda& cda, const char* name, pugi::xml_node statement, const char* child);

/// One element as it stands: {element, attributes, text or children}. What stands deeper than more_depth_max
/// elements is told as text.
void more_element(Cda& cda, pugi::xml_node element);
inline constexpr int more_depth_max = 8;  ///< the host takes 64 levels of JSON

/// Member `name`: the child elements that are not known(child); nothing when there is none.
template <class Known>
void more_field_if(Cda& cda, const char* name, pugi::xml_node node, Known known)
{
    bool open = false;
    for (pugi::xml_node n : node.children()) {
        if (n.type() != pugi::node_element || known(n)) continue;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        more_element(cda, n);
    }
    if (open) cda.json.close(']');
}
/// The same as member "more", by the names of what is known.
void more_field(Cda& cda, pugi::xml_node node, std::initializer_list<std::string_view> known);

}  // namespace direct::ccda
