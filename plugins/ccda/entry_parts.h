// entry_parts.h - fields that many kinds of entries share: devices, places, reasons, instructions, references
// to other entries. Each writes what it finds as a member of its own and takes it; what it does not find stays
// where statement.h writes it.
#pragma once

#include "plugins/ccda/extract.h"
#include "plugins/ccda/relations.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// Why an administration was refused: no reason for which it was given, though the relation is RSON too.
inline constexpr Qualifier refusal_reason = {"refusalReason", {"2.16.840.1.113883.10.20.22.4.53"}};

/// "devices": participants that are a device or product instance, with their UDI among the ids.
void devices_field(Cda& cda, pugi::xml_node statement, Taken& taken);
/// "locations": participants that are a place (LOC, or a service delivery location).
void locations_field(Cda& cda, pugi::xml_node statement, Taken& taken);
/// "indications" (no refusal reasons), "reactions", "instructions", and "refersTo": entries of the document pointed at by id.
void reasons_and_references(Cda& cda, const Statement& s, Taken& taken);
/// "priority": value of the priority preference (2.16.840.1.113883.10.20.22.4.143).
void priority_field(Cda& cda, pugi::xml_node statement, Taken& taken);

/// What kind of thing a statement is: by its entry template, else by its element and mood. "planned_medication",
/// "goal", "note", "procedure", "entry" ...
const char* kind_of_statement(pugi::xml_node statement);
/// One item of the section with all the fields above; "null" when it says nothing.
void tell_statement(Cda& cda, const Section& section, const char* kind, const Statement& s);

/// A mood that means to be done: INT, RQO, PRMS, PRP, APT, ARQ, GOL.
bool is_planned(pugi::xml_node statement);
/// What the entry is about is only a nullFlavor: the product of an administration or supply, else the code.
bool says_nothing(Cda& cda, pugi::xml_node statement);

}  // namespace direct::ccda
