// values.h - CCR data types as JSON, in the field names of CDA items: a coded description is a code with
// originalText, a measure is value and unit, a point in time keeps what was written beside what it says.
// Each function writes one member `name` of the object in work, or nothing when the node is empty or
// Ccr::too_deep().
#pragma once
#include <string>
#include <string_view>

#include "plugins/ccr/extract.h"
#include "plugins/xml_node.h"

namespace direct::ccr {

/// The element's own words, white space normalised.
std::string words(pugi::xml_node node);
/// The words of a child, without blanks around them.
std::string words(pugi::xml_node node, const char* child);
bool is_named(pugi::xml_node node, std::string_view name);

/// OID of a coding system that has one of the usual names ("SNOMED CT", "ICD9-CM", "RxNorm"), else "".
std::string_view oid_of(std::string_view coding_system);

/// Text, Code (the first is the code, others its translations), ObjectAttribute.
void code_members(Ccr& ccr, pugi::xml_node coded);
void code_field(Ccr& ccr, const char* name, pugi::xml_node coded);
/// The same as a value: with "type":"CD".
void value_field(Ccr& ccr, const char* name, pugi::xml_node coded);
/// "unit" and "unitCodes" of a Units element.
void unit_members(Ccr& ccr, pugi::xml_node units);
/// Value and Units.
void quantity_members(Ccr& ccr, pugi::xml_node measure);
void quantity_field(Ccr& ccr, const char* name, pugi::xml_node measure);
/// DateTime: ExactDateTime, ApproximateDateTime, Age or DateTimeRange, and its Type.
void time_field(Ccr& ccr, const char* name, pugi::xml_node time);
/// "effectiveTime" (onset and end as low and high, else the first time) and, when there are types or
/// several, all of them in "times".
void times_fields(Ccr& ccr, pugi::xml_node parent);
/// CCRDataObjectID (unique within the document, so its root is the document's id) and every IDs.
void ids_field(Ccr& ccr, pugi::xml_node parent);

/// A reference to an actor, joined: role, names, organisation or system. `full`: with addresses, telecom,
/// birth and gender.
void actor_members(Ccr& ccr, pugi::xml_node reference, bool full);
/// The actor itself: names, birthTime, gender, ids, telecom, addresses...
void person_members(Ccr& ccr, pugi::xml_node actor, bool full);
/// "author": every actor of every Source, joined.
void sources_field(Ccr& ccr, pugi::xml_node parent);
/// One line for a person, an organisation or a system. Ccr::name_of() where it is pointed to.
std::string display_name(pugi::xml_node actor);

/// A data object, a comment or a reference in a few words: its description, else what product it is.
std::string words_of(pugi::xml_node object);

/// "more": every child element whose name is not in `known`, as a tree of element, text and more.
void more_field(Ccr& ccr, pugi::xml_node node, std::initializer_list<std::string_view> known);
/// One such element.
void element_object(Ccr& ccr, pugi::xml_node node);

/// "unexpected" of the document object: elements inside texts, codes, ranges... that are not of them, wherever
/// in the document; each with the element it stands in. What does not fit is told as skipped.
void unexpected_field(Ccr& ccr, pugi::xml_node root);

/// An array of objects, one per child of that name; nothing when there is none.
template <class F>
void objects(Ccr& ccr, const char* name, pugi::xml_node parent, const char* child, F members)
{
    bool open = false;
    for (pugi::xml_node n = parent.child(child); n; n = n.next_sibling(child)) {
        if (!open) {
            if (ccr.too_deep()) return;
            ccr.json.open_field(name, '[');
        }
        open = true;
        ccr.json.open('{');
        members(n);
        ccr.json.close('}');
    }
    if (open) ccr.json.close(']');
}

}  // namespace direct::ccr
