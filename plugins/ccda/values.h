// values.h - HL7 data types as JSON. Each *_field function writes one member `name` of the object in work, or
// nothing when the node is empty; each *_members function writes the members of an object already open.
// Numbers stay text: "1e400" and trailing zeros are what was said.
// Source: HL7 V3 data types R1 as used in CDA R2; field names: clinical documents section 3.
#pragma once
#include <string>
#include <string_view>

#include "plugins/ccda/extract.h"
#include "plugins/ccda/people.h"
#include "plugins/time_stamp.h"
#include "plugins/xml_node.h"

namespace direct::ccda {

/// xsi:type without prefix: "PQ".
std::string_view type_of(pugi::xml_node node);

// Whatever stands where its type has no place for it is told beside it: in an object as "text", its own words, and
// "more", children nobody knows and the second of what should stand once; beside a plain value as "<name>Words" and
// "<name>Children"; beside words as "<name>Children", what says something by attributes.

/// Every attribute a data type may have, by its own name: code, root, extension, unit, nullFlavor ...
void data_members(Cda& cda, pugi::xml_node node);
void code_members(Cda& cda, pugi::xml_node node);
void code_field(Cda& cda, const char* name, pugi::xml_node node);
/// CS: the code as text, and "<name>NullFlavor".
void word_field(Cda& cda, const char* name, pugi::xml_node node);
/// BL: true or false; "<name>Raw" when it says neither; and "<name>NullFlavor".
void truth_field(Cda& cda, const char* name, pugi::xml_node node);
/// INT: its value as text; an interval, or whatever else is said beside the value, is "<name>Range".
void number_field(Cda& cda, const char* name, pugi::xml_node node);
/// TS, IVL_TS, PIVL_TS or EIVL_TS.
void time_field(Cda& cda, const char* name, pugi::xml_node node);
void quantity_field(Cda& cda, const char* name, pugi::xml_node node);  ///< PQ, IVL_PQ, RTO by its children
void value_members(Cda& cda, pugi::xml_node node);                     ///< any xsi:type, with its "type"
void value_field(Cda& cda, const char* name, pugi::xml_node node);
/// ED: its words, or those its reference points to. "<name>Reference" is a reference the words are not (or not
/// wholly) from: one beside own words, or one that leads nowhere or to no words. "<name>Cut": there is more of the
/// text than is told here, or it is left out for want of room; with a reference the narrative has it whole.
/// "<name>MediaType" is what it holds when that is no plain text; "<name>NullFlavor". A file in base64 is handed on and told as in
/// embedded.h; its words are then those of its reference. In a value the same are "text", "reference",
/// "textCut".
void text_field(Cda& cda, const char* name, pugi::xml_node ed);
/// ST, SC: its words; a code it has beside them is "<name>Code"; and "<name>NullFlavor".
void words_field(Cda& cda, const char* name, pugi::xml_node node);
void ids_field(Cda& cda, const char* name, pugi::xml_node parent, XmlName child);
std::string template_ids(pugi::xml_node node);  ///< JSON array, "" when there are none

/// Member "<name>NullFlavor", for what is told by a plain value; nothing when it has none.
void null_field(Cda& cda, const char* name, pugi::xml_node node);

/// A data type that says something: a code, value, id or words, of its own or in a part of it. A unit or a code
/// system alone says nothing, nor does a null flavour, whatever it is of.
bool says_something(pugi::xml_node node);
inline bool is_null_code(pugi::xml_node node)
{
    return !says_something(node);
}

/// Member `name`: an array of objects, one per child element of that name; nothing when there is none.
template <class F>
void array_field(Cda& cda, const char* name, pugi::xml_node parent, XmlName child, F members)
{
    bool open = false;
    for (pugi::xml_node n = parent.child(child); n; n = n.next_sibling(child)) {
        if (cda.too_deep()) break;
        if (!open) cda.json.open_field(name, '[');
        open = true;
        cda.json.open('{');
        members(n);
        cda.json.close('}');
    }
    if (open) cda.json.close(']');
}

}  // namespace direct::ccda
