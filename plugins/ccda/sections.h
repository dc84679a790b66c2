// sections.h - which section is this? By templateId root in any version, then LOINC, then title.
// Pure functions on static tables; thread safe.
#pragma once
#include <string_view>

#include "plugins/xml_node.h"

namespace direct::ccda {

class Cda;
struct Section;
using Extractor = void (*)(Cda&, const Section&);

struct SectionRow {
    const char* name;   ///< "allergies"
    Extractor extract;  ///< tells the items of the section; never nullptr
    const char* roots;  ///< blank-separated
    const char* loinc;  ///< blank-separated
};

/// The row, or nullptr for a section nobody has told us of.
const SectionRow* recognise_section(pugi::xml_node section);

/// A row by its name; nullptr when there is none.
const SectionRow* section_named(std::string_view name);

}  // namespace direct::ccda
